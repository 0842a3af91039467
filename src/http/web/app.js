// The page: searching, adding, browsing, comparing and tidying up over the HTTP interface.

import { call, json, knows, state } from "./api.js";
import { wireAdd } from "./add.js";
import { browse, wireBrowse } from "./browse.js";
import { wireCompare } from "./compare.js";
import { $, ask } from "./dom.js";
import { wireDuplicates } from "./duplicates.js";
import { wireKey } from "./key.js";
import { clearProblem, guarded, isOpen, loadCollections, showTab, wireTabs } from "./page.js";
import { forgetQuery, wireSearch } from "./search.js";

const chooseCollection = guarded(async (name) => {
  state.collection = name;
  const url = new URL(location);
  url.searchParams.set("collection", name);
  history.replaceState(null, "", url);
  forgetQuery();
  clearProblem();
  await loadCollections();
  if (isOpen("browse")) await browse();
  if (isOpen("duplicates")) showTab("duplicates");
});

const createCollection = guarded(async () => {
  if ((await ask($("create"))) !== "create") return;
  const name = $("create-name").value;
  const body = { profile: $("create-profile").value, description: $("create-description").value };
  await call(`v1/collections/${encodeURIComponent(name)}`, json("PUT", body));
  $("create").querySelector("form").reset();
  await chooseCollection(name);
  showTab("add");
});

wireKey();
wireTabs();
wireSearch();
wireAdd();
wireBrowse();
// A file that misses the zone must not replace the page.
for (const event of ["dragover", "drop"]) document.addEventListener(event, (e) => e.preventDefault());
$("collection").addEventListener("change", () => chooseCollection($("collection").value));
$("new-collection").addEventListener("click", createCollection);
$("problem-close").addEventListener("click", clearProblem);
for (const link of document.querySelectorAll(".go-add")) link.addEventListener("click", () => showTab("add"));

/** What only newer services can do. */
const offerMore = async () => {
  await Promise.all([wireCompare(), wireDuplicates()]);
  $("warn-similar-line").hidden = !(await knows("on_similar"));
};

guarded(loadCollections)();
guarded(offerMore)();
