// Pictures of the collection that show the same thing, in groups, and which of them to delete.

import { Failure, call, inCollection, json, knows, state } from "./api.js";
import { asQuery, deleteImages, nameOf, thumbnail, verdictOf } from "./cards.js";
import { $, button, bytes, count, el } from "./dom.js";
import { clearProblem, go, guarded, onOpen } from "./page.js";

const PAGE = 50;
/** For how long the service holds back its answer while a job goes on, in seconds: as often as progress is shown. */
const WAIT = 1;

let job = null; // the id of the job whose groups are shown or under way
let cursor = null;
let collection = null; // of that job
const doomed = new Map(); // ids to delete, with their tiles

function forget() {
  job = null;
  cursor = null;
  doomed.clear();
  $("duplicates").replaceChildren();
  $("duplicates-status").textContent = "";
  $("duplicates-more").hidden = true;
  $("duplicates-progress").hidden = true;
  $("duplicates-empty").hidden = false;
  choiceChanged();
}

function choiceChanged() {
  $("duplicates-chosen").hidden = job === null || $("duplicates").childElementCount === 0;
  $("duplicates-delete").disabled = doomed.size === 0;
  $("duplicates-delete").textContent = doomed.size ? `Delete ${count(doomed.size, "picture", "pictures")}…` : "Delete…";
}

const start = guarded(async () => {
  clearProblem();
  forget();
  collection = state.collection;
  const begun = await call(inCollection("/duplicates"), json("POST", {}));
  job = begun.id;
  await follow(begun);
});

/** Looks at a job until it has ended, then shows what it found. */
async function follow(begun) {
  const own = job;
  $("duplicates-empty").hidden = true;
  $("duplicates-progress").hidden = false;
  let now = begun;
  while (now.state === "queued" || now.state === "running") {
    showProgress(now);
    now = await call(`v1/jobs/${encodeURIComponent(own)}?wait=${WAIT}`);
    if (job !== own) return;
  }
  $("duplicates-progress").hidden = true;
  if (now.state === "failed") throw new Failure({ title: "The search for duplicates failed.", detail: now.error });
  if (now.state === "cancelled") {
    $("duplicates-status").textContent = "Stopped.";
    return;
  }
  await more();
}

function showProgress({ state: at, done, total, seconds_left: left }) {
  const meter = $("duplicates-meter");
  if (total) {
    meter.max = total;
    meter.value = done;
  } else meter.removeAttribute("value");
  const rest = left > 0 ? `, about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.round(left / 60)} min`} left` : "";
  $("duplicates-doing").textContent = at === "queued" ? "Waiting for its turn…" : `${done.toLocaleString("en")} of ${total?.toLocaleString("en") ?? "?"} looked at${rest}`;
}

async function more() {
  const parameters = new URLSearchParams({ limit: PAGE });
  if (cursor) parameters.set("cursor", cursor);
  const page = await call(`v1/jobs/${encodeURIComponent(job)}/groups?${parameters}`);
  $("duplicates").append(...page.groups.map(group));
  cursor = page.next_cursor || null;
  $("duplicates-more").hidden = !cursor;
  const shown = $("duplicates").childElementCount;
  $("duplicates-status").textContent = shown
    ? `${count(shown, "group", "groups")}${cursor ? " so far" : ""}. The best picture of each comes first.`
    : "No two pictures of this collection show the same thing.";
  choiceChanged();
}

function tile(image, best) {
  const name = nameOf(image);
  const img = el("img", { alt: "", loading: "lazy" });
  thumbnail(img, image);
  const box = el("input", { type: "checkbox", "aria-label": `Delete ${name}`, change: () => {
    if (box.checked) doomed.set(image.id, node);
    else doomed.delete(image.id);
    choiceChanged();
  } });
  const node = el(
    "li",
    { class: "tile" },
    el("label", { class: "choice" }, img, el("span", {}, box, " Delete")),
    el("span", { class: "name", text: name, title: image.id }),
    el("span", { class: "quiet", text: `${image.width} × ${image.height}, ${bytes(image.byte_size)}` }),
    best
      ? el("span", { class: "badge", text: "Best" })
      : el("span", { class: "quiet", text: `${verdictOf(image)}, ${image.score.toFixed(3)}` }),
    button("Similar", () => go.search(asQuery(image)), { class: "link", "aria-label": `Search by ${name}` }),
  );
  return node;
}

function group({ images, size }, i) {
  const shown = size > images.length ? `${images.length} of ${size} pictures` : count(images.length, "picture", "pictures");
  const label = `Group ${$("duplicates").childElementCount + i + 1}: ${shown}`;
  const tiles = images.map((image, place) => tile(image, place === 0));
  const rest = button("Choose all but the best", () => {
    for (const one of tiles.slice(1)) {
      const box = one.querySelector("input");
      if (!box.checked) box.click();
    }
  }, { class: "small" });
  return el("li", { class: "group" }, el("div", { class: "row" }, el("h3", { text: label }), rest), el("ul", { class: "tiles" }, ...tiles));
}

const deleteChosen = guarded(async () => {
  const gone = [...doomed];
  if (!(await deleteImages(gone.map(([id]) => id)))) return;
  for (const [, node] of gone) {
    const around = node.closest(".group");
    node.remove();
    // One alone is no duplicate any more.
    if (around.querySelectorAll(".tile").length < 2) around.remove();
  }
  doomed.clear();
  choiceChanged();
  $("duplicates-start").focus();
  $("duplicates-status").textContent = `${count(gone.length, "picture is", "pictures are")} deleted. ${count($("duplicates").childElementCount, "group is", "groups are")} left.`;
});

export async function wireDuplicates() {
  if (!(await knows("/v1/collections/{collection}/duplicates"))) return;
  $("tab-duplicates").hidden = false;
  onOpen("duplicates", () => {
    if (collection !== state.collection) forget();
  });
  $("duplicates-start").addEventListener("click", start);
  $("duplicates-more").addEventListener("click", guarded(more));
  $("duplicates-delete").addEventListener("click", deleteChosen);
  $("duplicates-stop").addEventListener("click", guarded(async () => {
    if (job) await call(`v1/jobs/${encodeURIComponent(job)}`, { method: "DELETE" });
  }));
}
