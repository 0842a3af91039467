// Two pictures side by side: do they show the same thing, and where?

import { call, knows, state } from "./api.js";
import { verdictOf } from "./cards.js";
import { $, clearOutline, count, drawOutline } from "./dom.js";
import { preview, takeFiles } from "./files.js";
import { clearProblem, go, guarded, isOpen, showTab } from "./page.js";

const SIDES = ["a", "b"];
const chosen = { a: null, b: null }; // { file } or what `asQuery` gives, with the collection
const shown = {};
let running = null;

const SENTENCES = {
  same: "The same picture, frame to frame.",
  near_duplicate: "One is in the other: cropped, turned, written over or photographed.",
  similar: "They look alike, or share a part.",
  different: "They show different things.",
};

function choose(side, picture) {
  chosen[side] = picture;
  const filled = Boolean(picture);
  $(`compare-${side}-figure`).hidden = !filled;
  $(`compare-${side}-drop`).classList.toggle("filled", filled);
  clearOutline($(`compare-${side}-match`));
  const name = picture?.file?.name || picture?.name || "";
  if (picture) shown[side].show(picture.file || picture.thumbnail, `${side === "a" ? "First" : "Second"} picture: ${name}`);
  else shown[side].clear();
  $(`compare-${side}-name`).textContent = filled ? name : `${side === "a" ? "First" : "Second"} picture`;
  $("compare-result").hidden = true;
}

function body() {
  const form = new FormData();
  for (const side of SIDES) {
    const { file, id, collection } = chosen[side];
    if (file) form.append(side, file);
    else {
      form.append(`${side}_id`, id);
      form.append(`${side}_collection`, collection);
    }
  }
  if (state.facts && SIDES.every((side) => chosen[side].file)) form.append("profile", state.facts.profile);
  form.append("include", "overlay");
  return form;
}

const compare = guarded(async () => {
  running?.abort();
  if (!SIDES.every((side) => chosen[side])) {
    $("compare-status").textContent = "";
    return;
  }
  const own = new AbortController();
  running = own;
  clearProblem();
  $("compare-status").textContent = "Comparing…";
  try {
    const found = await call("v1/compare", { method: "POST", body: body(), signal: own.signal });
    show(found);
  } finally {
    if (running === own && $("compare-status").textContent === "Comparing…") $("compare-status").textContent = "";
  }
});

/** The outline of one picture in the other, in fractions of the other. */
const inFractions = (outline, { width, height }) => outline.map(([x, y]) => [x / width, y / height]);

function show(found) {
  $("compare-verdict").textContent = verdictOf(found);
  $("compare-verdict").className = `badge ${found.verdict === "same" || found.verdict === "near_duplicate" ? "" : "neutral"}`;
  const spots = found.inliers === undefined ? "" : ` ${count(found.inliers, "spot looks and lies", "spots look and lie")} alike${found.mirrored ? ", mirrored" : ""}.`;
  $("compare-status").textContent = `${SENTENCES[found.verdict]}${spots}`;
  $("compare-score").textContent = found.score.toFixed(3);
  $("compare-meter").value = Math.max(0, found.score);
  for (const [side, other] of [["a", "b"], ["b", "a"]]) {
    // What shows the other picture is outlined; it may be larger than this one.
    const outline = found[other].outline_in_other;
    if (outline) drawOutline($(`compare-${side}-match`), inFractions(outline, found[side]), 1, 1);
    else clearOutline($(`compare-${side}-match`));
  }
  $("compare-overlay").hidden = !found.overlay || !found.verified;
  if (found.overlay) $("compare-overlay-picture").src = found.overlay;
  $("compare-result").hidden = false;
}

/** Opens the view with these two pictures. Without the first one, the second takes the place that is free. */
function compareThese(a, b) {
  const here = (picture) => ({ ...picture, collection: state.collection });
  showTab("compare");
  if (a) {
    choose("a", here(a));
    choose("b", here(b));
  } else if (chosen.a && !chosen.b) choose("b", here(b));
  else {
    choose("a", here(b));
    choose("b", null);
  }
  window.scrollTo({ top: 0 });
  return compare();
}

export async function wireCompare() {
  for (const side of SIDES) {
    shown[side] = preview($(`compare-${side}-picture`));
    takeFiles($(`compare-${side}-drop`), [$(`compare-${side}-file`)], (files) => {
      files.slice(0, 2).forEach(({ file }, i) => {
        // Two at once are both.
        choose(files.length > 1 ? SIDES[i] : side, { file });
      });
      if (files.length > 0) compare();
    });
  }
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!isOpen("compare") || !file) return;
    choose(chosen.a ? "b" : "a", { file });
    compare();
  });
  $("compare-swap").addEventListener("click", () => {
    const { a, b } = chosen;
    choose("a", b);
    choose("b", a);
    compare();
  });
  if (!(await knows("/v1/compare"))) return;
  $("tab-compare").hidden = false;
  go.compare = compareThese;
}
