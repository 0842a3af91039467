// The pictures of the collection, page by page.

import { call, inCollection } from "./api.js";
import { card } from "./cards.js";
import { $ } from "./dom.js";
import { filterIn } from "./filter.js";
import { clearProblem, guarded, isOpen, onOpen } from "./page.js";

const PAGE = 48;

let cursor = null; // of the next page
let latest = 0; // the number of the newest list, so that an older answer is not mixed in
let filter;

async function more() {
  const own = latest;
  const conditions = filter();
  const parameters = new URLSearchParams({ limit: PAGE });
  if (cursor) parameters.set("cursor", cursor);
  if (conditions) parameters.set("filter", JSON.stringify(conditions));
  $("browse").setAttribute("aria-busy", "true");
  try {
    const page = await call(inCollection(`/images?${parameters}`));
    if (own !== latest) return;
    const first = page.images.map((image) => card(image));
    $("browse").append(...first);
    cursor = page.next_cursor || null;
    $("browse-more").hidden = !cursor;
    const nothing = $("browse").childElementCount === 0;
    $("browse-empty").hidden = !nothing || conditions !== null;
    $("browse-none").hidden = !nothing || conditions === null;
    $("browse-status").textContent = nothing ? "" : `${$("browse").childElementCount.toLocaleString("en")} shown, in order of id`;
    $("curl").textContent = `curl -F image=@picture.jpg ${new URL(inCollection("/images"), location.href)}`;
  } finally {
    if (own === latest) $("browse").removeAttribute("aria-busy");
  }
}

export const browse = guarded(async () => {
  latest += 1;
  cursor = null;
  clearProblem();
  $("browse").replaceChildren();
  $("browse-more").hidden = true;
  $("browse-empty").hidden = true;
  $("browse-none").hidden = true;
  $("browse-status").textContent = "Loading…";
  await more();
});

export function wireBrowse() {
  filter = filterIn($("browse-filter"), () => {
    if (isOpen("browse")) browse();
  });
  onOpen("browse", browse);
  $("browse-more").addEventListener("click", guarded(async () => {
    const before = $("browse").childElementCount;
    await more();
    // The focus goes on where the list does.
    $("browse").children[before]?.querySelector(".picture").focus();
  }));
}
