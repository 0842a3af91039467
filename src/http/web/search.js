// Searching by a picture.

import { call, inCollection, imagePath } from "./api.js";
import { card, emptyCollection } from "./cards.js";
import { $, clearOutline, count, drawOutline } from "./dom.js";
import { preview, takeFiles } from "./files.js";
import { filterIn } from "./filter.js";
import { clearProblem, go, guarded, isOpen, showTab } from "./page.js";
import { offerRegion, region, wireRegion } from "./region.js";

let query = null; // { file } or what `asQuery` gives
let running = null; // AbortController of the search under way
let shown; // the query's picture
let filter;

/** Outlines on the query what it has in common with a verified result; `undefined` takes the outline away. */
function showMatch(hit) {
  const svg = $("search-match");
  if (!hit?.match) {
    if (!hit) clearOutline(svg);
    return;
  }
  svg.setAttribute("aria-label", `Outlined: what ${hit.id} shows too`);
  drawOutline(svg, hit.match.quad_in_query, 1, 1);
}

function showQuery(source, name) {
  const image = $("search-preview");
  $("search-figure").hidden = !source;
  $("search-drop").classList.toggle("filled", Boolean(source));
  offerRegion(Boolean(query?.file));
  showMatch();
  image.removeAttribute("width");
  if (source) shown.show(source, `The query: ${name}`);
  else shown.clear();
  $("search-lead").textContent = source ? name : "Drop a picture here";
  $("search-rest").textContent = source ? "Drop, paste or choose another one" : "paste one, or choose a file";
}

/** Shows the query as the service saw it: also what a browser cannot show, and turned and coloured as it was compared. */
function showAsSeen(source) {
  const image = $("search-preview");
  // As large as the picture that it takes the place of.
  if (image.naturalWidth) image.width = image.clientWidth;
  shown.show(source, image.alt);
}

export function forgetQuery() {
  running?.abort();
  query = null;
  $("results").replaceChildren();
  $("search-status").textContent = "";
  $("search-note").hidden = true;
  $("search-empty").hidden = false;
  $("search-again").disabled = true;
  showQuery("", "");
}

export function searchBy(picture) {
  query = picture;
  showTab("search");
  if (query.file) showQuery(query.file, query.file.name);
  else showQuery(query.thumbnail, query.name);
  window.scrollTo({ top: 0 });
  return search();
}

/** The options of a search as text, for a form or an address. */
function options() {
  const minScore = Number($("min-score").value);
  const conditions = filter();
  return [
    ["k", $("k").value],
    ...(minScore >= 0 ? [["min_score", String(minScore)]] : []),
    ...(conditions ? [["filter", JSON.stringify(conditions)]] : []),
  ];
}

function ask(signal) {
  if (!query.file) {
    const parameters = new URLSearchParams(options());
    return call(`${imagePath(query.id)}/similar?${parameters}`, { signal });
  }
  const form = new FormData();
  form.append("image", query.file);
  for (const [name, value] of options()) form.append(name, value);
  const box = region();
  // The thumbnail of a region would take the place of the picture in which it is drawn.
  if (box) form.append("region", box.join(","));
  else form.append("include", "metadata,cost,thumbnail");
  return call(inCollection("/search"), { method: "POST", body: form, signal });
}

const search = guarded(async () => {
  if (!query || !$("search-options").reportValidity()) return;
  running?.abort();
  const own = new AbortController();
  running = own;
  clearProblem();
  $("search-again").disabled = false;
  $("search-empty").hidden = true;
  $("search-note").hidden = true;
  $("search-status").textContent = "Searching…";
  $("results").setAttribute("aria-busy", "true");
  try {
    const found = await ask(own.signal);
    if (found.query_thumbnail) showAsSeen(found.query_thumbnail);
    showResults(found);
  } catch (error) {
    if (error.name !== "AbortError") {
      $("results").replaceChildren();
      $("search-status").textContent = "";
      showMatch();
    }
    throw error;
  } finally {
    if (running === own) $("results").removeAttribute("aria-busy");
  }
});

function showResults(found) {
  $("results").replaceChildren(
    ...found.results.map((hit) => card(hit, { hit: true, query, shown: () => showMatch(hit) })),
  );
  const verified = found.results.filter((hit) => hit.verified);
  showMatch(verified[0]);
  const { took_ms: took, cost } = found;
  const parts = [`${count(found.results.length, "result", "results")} in ${took.total.toFixed(took.total < 10 ? 1 : 0)} ms`];
  if (found.compared) parts.push(`${verified.length} verified (${found.compared} compared in ${took.verify.toFixed(0)} ms)`);
  if (cost) {
    const [low, high] = cost.energy_millijoules;
    parts.push(
      `on the chip: ${count(cost.passes, "pass", "passes")}, ${cost.chip_milliseconds.toFixed(1)} ms, ${low.toFixed(1)} to ${high.toFixed(1)} mJ (estimate)`,
    );
  }
  if (found.results.length === 0) parts.push(whyNothing());
  $("search-status").textContent = parts.join(" · ");
  $("search-note").hidden = !found.partial;
  // On a narrow screen the query fills it.
  if ($("results").getBoundingClientRect().top > window.innerHeight * 0.8) $("search-status").scrollIntoView();
}

function whyNothing() {
  if (emptyCollection()) return emptyCollection();
  if (filter()) return "nothing that looks alike passes the filter";
  return Number($("min-score").value) >= 0 ? "lower the lowest score, or add pictures" : "add pictures to this collection first";
}

export function wireSearch() {
  shown = preview($("search-preview"));
  filter = filterIn($("search-filter"), search);
  const use = (files) => {
    if (files.length > 0) searchBy({ file: files[0].file });
  };
  takeFiles($("search-drop"), [$("search-file"), $("search-camera")], use);
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!isOpen("search") || files.length === 0) return;
    event.preventDefault();
    use(files.map((file) => ({ file })));
  });
  $("search-options").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  $("min-score").addEventListener("input", () => {
    const value = Number($("min-score").value);
    $("min-score-shown").textContent = value < 0 ? "any" : value.toFixed(2);
  });
  for (const id of ["k", "min-score"]) $(id).addEventListener("change", search);
  wireRegion(search);
  go.search = searchBy;
  go.forgotten = (id) => {
    if (query?.id === id) forgetQuery();
  };
}
