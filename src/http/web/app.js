// The page: searching, adding and browsing over the HTTP interface. Text from the server enters the document as text
// only, never as markup.

const $ = (id) => document.getElementById(id);
// Every address is relative to the page's own, so that it works under any path that a proxy puts it.
const api = (path) => `v1/collections/${encodeURIComponent(state.collection)}${path}`;
const relative = (path) => path.slice(path.indexOf("/v1/collections/") + 1);

const state = {
  collection: new URLSearchParams(location.search).get("collection") || "default",
  query: null, // { file } or { id, thumbnail }; the fields of `region` say which part of a file
  search: null, // AbortController of the search under way
  cursor: null, // of the next page while browsing
  adding: false,
};

// ------------------------------------------------------------------ failures

/** A failure as the service describes it (application/problem+json), or as the network does. */
class Failure extends Error {
  constructor(problem, retryAfter) {
    super(problem.detail || problem.title || "The request failed");
    this.code = problem.code || "";
    this.title = problem.title || "The request failed";
    this.requestId = problem.request_id || "";
    this.retryAfter = retryAfter;
  }
}

const HINTS = {
  not_an_image: "Choose a picture: JPEG, PNG, WebP, GIF, BMP or TIFF.",
  image_truncated: "The file seems to be incomplete. Download or copy it again.",
  image_corrupt: "Open it in a picture viewer and save it again.",
  unsupported_image_format: "Convert it to JPEG or PNG first.",
  image_too_many_pixels: "Make it smaller first.",
  upload_too_large: "Make the file smaller first.",
  region_too_small: "Draw a larger box.",
  overloaded: "Try again in a moment.",
  not_ready: "The service has just started. Try again in a moment.",
  version_mismatch: "This picture was described by an older model and has to be added again.",
};

/** The answer to a call that succeeded; anything else throws a Failure. */
async function answer(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure({ code: "network", title: "The service cannot be reached.", detail: "Is it running?" });
  }
  if (response.ok) return response;
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    problem = { title: `The service answered with status ${response.status}.` };
  }
  throw new Failure(problem, Number(response.headers.get("retry-after")) || 0);
}

async function call(path, options) {
  const response = await answer(path, options);
  return response.status === 204 ? null : response.json();
}

function sentence(text) {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const capital = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function inWords(error) {
  const parts = [sentence(error.message), HINTS[error.code] || ""];
  if (error.code === "internal_error" && error.requestId) parts.push(`Request id: ${error.requestId}`);
  return parts.filter(Boolean).join(" ");
}

function showProblem(error) {
  if (error.name === "AbortError") return;
  $("problem-title").textContent = sentence(error.title || "Something went wrong");
  $("problem-detail").textContent = inWords(error);
  $("problem").hidden = false;
}

function clearProblem() {
  $("problem").hidden = true;
}

const guarded = (action) => async (...args) => {
  try {
    await action(...args);
  } catch (error) {
    showProblem(error);
  }
};

// --------------------------------------------------------------- collections

const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

async function loadCollections() {
  const { collections } = await call("v1/collections");
  if (!collections.some((c) => c.name === state.collection)) state.collection = "default";
  $("collection").replaceChildren(
    ...collections.map((c) => new Option(c.name, c.name, false, c.name === state.collection)),
  );
  const current = collections.find((c) => c.name === state.collection);
  if (!current) return;
  const stale = current.stale_images ? `, ${count(current.stale_images, "picture", "pictures")} of another model` : "";
  $("collection-facts").textContent = `${count(current.images, "picture", "pictures")}, ${current.profile}${stale}`;
  $("collection-facts").title = current.description;
}

const chooseCollection = guarded(async (name) => {
  state.collection = name;
  const url = new URL(location);
  url.searchParams.set("collection", name);
  history.replaceState(null, "", url);
  forgetQuery();
  clearProblem();
  await loadCollections();
  if (!$("panel-browse").hidden) await browse();
});

/** Opens a dialog and resolves to the value of the button that closed it. */
function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

const createCollection = guarded(async () => {
  if ((await ask($("create"))) !== "create") return;
  const name = $("create-name").value;
  await call(`v1/collections/${encodeURIComponent(name)}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ profile: $("create-profile").value, description: $("create-description").value }),
  });
  $("create").querySelector("form").reset();
  await chooseCollection(name);
  showTab("add");
});

// ------------------------------------------------------------------- matches

/** Draws a region over a picture of this size; its corners are fractions of width and height. */
function drawRegion(svg, quad, width, height) {
  const polygon = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
  polygon.setAttribute("points", quad.map(([x, y]) => `${x * width},${y * height}`).join(" "));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(polygon);
  svg.toggleAttribute("hidden", false);
}

/** What is written on a verified result. */
const VERDICTS = { same: "Same picture", near_duplicate: "Near duplicate", similar: "Shares a part" };

/** Outlines on the query what it has in common with a verified result; `undefined` takes the outline away. */
function showMatch(hit) {
  const svg = $("search-match");
  if (!hit) {
    svg.toggleAttribute("hidden", true);
    svg.replaceChildren();
    return;
  }
  svg.setAttribute("aria-label", `Outlined: what ${hit.id} shows too`);
  drawRegion(svg, hit.match.quad_in_query, 1, 1);
}

// -------------------------------------------------------------------- region

// The box of the query picture that is searched for. The four fields hold it, in percent; drawing fills them in, and who
// cannot draw types.
const SIDES = ["left", "top", "width", "height"];
const WHOLE = [0, 0, 100, 100];

/** A box with sides of less than this many pixels on the screen is a click and not a box. */
const LEAST_DRAWN = 6;

/** Left, top, width and height in percent. */
const region = () => SIDES.map((side) => $(`region-${side}`).valueAsNumber);

const isWhole = () => region().every((value, i) => value === WHOLE[i]);

/** Fills in the fields, to the tenth; what ended at the border still does. */
function setRegion([left, top, width, height]) {
  const rounded = (value) => Number(value.toFixed(1));
  const [x, y] = [rounded(left), rounded(top)];
  const values = [x, y, rounded(rounded(left + width) - x), rounded(rounded(top + height) - y)];
  SIDES.forEach((side, i) => {
    $(`region-${side}`).value = values[i];
  });
  showRegion();
}

/** Shows on the picture what the fields say. */
function showRegion() {
  const [left, top] = region();
  // At most up to the border.
  $("region-width").max = Number((100 - (left || 0)).toFixed(4));
  $("region-height").max = Number((100 - (top || 0)).toFixed(4));
  const box = $("search-box");
  box.hidden = $("region").disabled || isWhole();
  SIDES.forEach((side, i) => {
    box.style[side] = `${region()[i]}%`;
  });
}

/** Only a picture that is at hand has parts to search for: of a stored one there is a small copy alone. */
function offerRegion(offered) {
  $("region").hidden = !offered;
  $("region").disabled = !offered;
  $("search-figure").classList.toggle("drawable", offered);
  setRegion(WHOLE);
}

/** Lets a box be drawn on the query picture, by mouse, pen or finger. */
function drawable(figure) {
  let drawing = null; // where it began, in percent, and the region before it

  const place = (event) => {
    const frame = figure.getBoundingClientRect();
    const percent = (at, length) => Math.min(100, Math.max(0, (100 * at) / length));
    return [percent(event.clientX - frame.left, frame.width), percent(event.clientY - frame.top, frame.height)];
  };
  const between = ([x, y], [u, v]) => [Math.min(x, u), Math.min(y, v), Math.abs(x - u), Math.abs(y - v)];

  figure.addEventListener("pointerdown", (event) => {
    if ($("region").disabled || !event.isPrimary || event.button !== 0) return;
    figure.setPointerCapture(event.pointerId);
    drawing = { start: place(event), before: region() };
  });
  figure.addEventListener("pointermove", (event) => {
    if (drawing && event.isPrimary) setRegion(between(drawing.start, place(event)));
  });
  figure.addEventListener("pointerup", (event) => {
    if (!drawing || !event.isPrimary) return;
    const { start, before } = drawing;
    drawing = null;
    const drawn = between(start, place(event));
    const frame = figure.getBoundingClientRect();
    const isBox = Math.min((drawn[2] * frame.width) / 100, (drawn[3] * frame.height) / 100) >= LEAST_DRAWN;
    setRegion(isBox ? drawn : before);
    if (isBox) search();
  });
  figure.addEventListener("pointercancel", () => {
    if (drawing) setRegion(drawing.before);
    drawing = null;
  });
}

// --------------------------------------------------------------------- cards

function inLine(metadata) {
  return Object.entries(metadata || {})
    .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

function card(image, score) {
  const node = $("card").content.firstElementChild.cloneNode(true);
  const picture = node.querySelector(".picture");
  picture.setAttribute("aria-label", `Search by ${image.id}`);
  picture.title = `${image.width} × ${image.height}: search by this picture`;
  picture.querySelector("img").src = relative(image.thumbnail_url);
  picture.addEventListener("click", () => searchBy({ id: image.id, thumbnail: relative(image.thumbnail_url) }));
  node.querySelector(".id").textContent = image.id;
  const metadata = inLine(image.metadata);
  node.querySelector(".metadata").textContent = metadata;
  node.querySelector(".metadata").title = metadata;
  if (score !== undefined) {
    node.querySelector(".score").hidden = false;
    node.querySelector("meter").value = Math.max(0, score);
    node.querySelector("meter").setAttribute("aria-label", "Score");
    node.querySelector("b").textContent = score.toFixed(3);
  }
  if (image.match) {
    drawRegion(node.querySelector(".match"), image.match.quad_in_result, image.width, image.height);
    node.querySelector(".verified").hidden = false;
    node.querySelector(".verified .badge").textContent = VERDICTS[image.verdict];
    node.querySelector(".verified .quiet").textContent = `verified: ${count(image.inliers, "spot matches", "spots match")}`;
    for (const event of ["pointerenter", "focusin"]) node.addEventListener(event, () => showMatch(image));
  }
  node.querySelector(".delete").setAttribute("aria-label", `Delete ${image.id}`);
  node.querySelector(".delete").addEventListener("click", guarded(() => deleteImage(image.id, node)));
  return node;
}

async function deleteImage(id, node) {
  $("delete-id").textContent = id;
  if ((await ask($("delete"))) !== "delete") return;
  await call(api(`/images/${encodeURIComponent(id)}`), { method: "DELETE" });
  const next = node.nextElementSibling || node.previousElementSibling;
  node.remove();
  next?.querySelector(".picture").focus();
  if (state.query?.id === id) forgetQuery();
  await loadCollections();
  $("browse-empty").hidden = $("panel-browse").hidden || $("browse").childElementCount > 0;
}

// -------------------------------------------------------------------- search

function forgetQuery() {
  state.search?.abort();
  state.query = null;
  $("results").replaceChildren();
  $("search-status").textContent = "";
  $("search-empty").hidden = false;
  $("search-again").disabled = true;
  showQuery("", "");
}

let previewUrl = "";

function showQuery(source, name) {
  if (previewUrl) URL.revokeObjectURL(previewUrl);
  previewUrl = source.startsWith("blob:") ? source : "";
  const preview = $("search-preview");
  $("search-figure").hidden = !source;
  offerRegion(Boolean(state.query?.file));
  showMatch();
  preview.removeAttribute("width");
  if (source) preview.src = source;
  else preview.removeAttribute("src");
  preview.alt = source ? `The query: ${name}` : "";
  const lead = document.createElement("strong");
  lead.textContent = source ? name : "Drop a picture here";
  $("search-hint").replaceChildren(lead, source ? " Drop or choose another one" : ", paste one, or choose a file");
}

/** Shows the query as the service saw it: also what a browser cannot show, and turned and coloured as it was compared. */
function showAsSeen(source) {
  if (previewUrl) URL.revokeObjectURL(previewUrl);
  previewUrl = "";
  const preview = $("search-preview");
  // As large as the picture that it takes the place of.
  if (preview.naturalWidth) preview.width = preview.clientWidth;
  preview.src = source;
}

function searchBy(query) {
  state.query = query;
  showTab("search");
  if (query.file) showQuery(URL.createObjectURL(query.file), query.file.name);
  else showQuery(query.thumbnail, query.id);
  window.scrollTo({ top: 0 });
  return search();
}

const search = guarded(async () => {
  if (!state.query || !$("search-options").reportValidity()) return;
  state.search?.abort();
  const running = new AbortController();
  state.search = running;
  clearProblem();
  $("search-again").disabled = false;
  $("search-empty").hidden = true;
  $("search-status").textContent = "Searching…";
  $("results").setAttribute("aria-busy", "true");
  try {
    const k = $("k").value;
    const minScore = Number($("min-score").value);
    let request;
    if (state.query.file) {
      const form = new FormData();
      form.append("image", state.query.file);
      form.append("k", k);
      if (minScore >= 0) form.append("min_score", minScore);
      if (isWhole()) form.append("include", "metadata,cost,thumbnail");
      else form.append("region", region().map((percent) => percent / 100).join(","));
      request = call(api("/search"), { method: "POST", body: form, signal: running.signal });
    } else {
      const params = new URLSearchParams({ k });
      if (minScore >= 0) params.set("min_score", minScore);
      request = call(api(`/images/${encodeURIComponent(state.query.id)}/similar?${params}`), { signal: running.signal });
    }
    const found = await request;
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
    if (state.search === running) $("results").removeAttribute("aria-busy");
  }
});

function showResults(found) {
  $("results").replaceChildren(...found.results.map((hit) => card(hit, hit.score)));
  const verified = found.results.filter((hit) => hit.verified);
  showMatch(verified[0]);
  const results = count(found.results.length, "result", "results");
  const parts = [`${results} in ${found.took_ms.total.toFixed(found.took_ms.total < 10 ? 1 : 0)} ms`];
  if (found.compared) {
    parts.push(`${verified.length} verified (${found.compared} compared in ${found.took_ms.verify.toFixed(0)} ms)`);
  }
  if (found.cost) {
    const { passes, chip_milliseconds: ms, energy_millijoules: [low, high] } = found.cost;
    parts.push(
      `on the chip: ${count(passes, "pass", "passes")}, ${ms.toFixed(1)} ms, ${low.toFixed(1)} to ${high.toFixed(1)} mJ (estimate)`,
    );
  }
  if (found.results.length === 0) {
    parts.push(Number($("min-score").value) >= 0 ? "lower the lowest score, or add pictures" : "add pictures to this collection first");
  }
  $("search-status").textContent = parts.join(" · ");
}

// ----------------------------------------------------------------------- add

const PARALLEL_UPLOADS = 3;
const MAX_TRIES = 6;

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** A file name as an id: what ids cannot have becomes an underscore. */
function idOf(name) {
  const id = name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._:-]+/g, "_").slice(0, 128);
  return id === "" || id === "." || id === ".." ? "_" : id;
}

async function upload(file, base) {
  const form = new FormData();
  form.append("image", file);
  form.append("metadata", JSON.stringify({ file_name: file.name }));
  const asIds = $("names-as-ids").checked;
  const path = asIds ? `${base}/${encodeURIComponent(idOf(file.name))}` : base;
  for (let tries = 1; ; tries += 1) {
    try {
      const response = await answer(path, { method: asIds ? "PUT" : "POST", body: form });
      const { id } = await response.json();
      if (response.status === 201) return `stored as ${id}`;
      return asIds ? `replaced ${id}` : `already there as ${id}`;
    } catch (error) {
      // A full queue is no failure of the file: come back when the service says.
      if (error.code !== "overloaded" || tries === MAX_TRIES) throw error;
      await wait(error.retryAfter || 1);
    }
  }
}

const add = guarded(async (files) => {
  if (files.length === 0 || state.adding) return;
  state.adding = true;
  clearProblem();
  const base = api("/images");
  const items = files.map((file) => {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const status = document.createElement("span");
    name.textContent = file.name;
    status.textContent = "waiting";
    status.className = "quiet";
    item.append(name, status);
    return { file, item, status };
  });
  $("add-list").replaceChildren(...items.map(({ item }) => item));
  $("add-empty").hidden = true;
  $("add-progress").hidden = false;
  $("add-meter").max = files.length;
  const queue = [...items];
  let done = 0;
  let failed = 0;
  const report = (end) => {
    $("add-meter").value = done;
    const failures = failed ? `, ${count(failed, "failure", "failures")}` : "";
    const rest = queue.length && end ? `, ${queue.length} left out` : "";
    $("add-status").textContent = `${done} of ${files.length}${failures}${rest}`;
    $("add-stop").hidden = end;
  };
  const worker = async () => {
    while (queue.length && state.adding) {
      const { file, item, status } = queue.shift();
      status.textContent = "sending…";
      try {
        status.textContent = await upload(file, base);
      } catch (error) {
        failed += 1;
        status.textContent = inWords(error);
        status.className = "failed";
        item.parentElement?.prepend(item);
      }
      done += 1;
      report(false);
    }
  };
  report(false);
  await Promise.all(Array.from({ length: PARALLEL_UPLOADS }, worker));
  state.adding = false;
  report(true);
  await loadCollections();
});

// -------------------------------------------------------------------- browse

const browse = guarded(async () => {
  $("browse").replaceChildren();
  state.cursor = null;
  await browseMore();
});

async function browseMore() {
  const params = new URLSearchParams({ limit: "48" });
  if (state.cursor) params.set("cursor", state.cursor);
  const page = await call(api(`/images?${params}`));
  $("browse").append(...page.images.map((image) => card(image)));
  state.cursor = page.next_cursor || null;
  $("browse-more").hidden = !state.cursor;
  $("browse-empty").hidden = $("browse").childElementCount > 0;
  $("curl").textContent = `curl -F image=@picture.jpg ${new URL(api("/images"), location.href)}`;
}

// ---------------------------------------------------------------------- tabs

const TABS = ["search", "add", "browse"];

function showTab(name) {
  for (const tab of TABS) {
    const selected = tab === name;
    $(`tab-${tab}`).setAttribute("aria-selected", String(selected));
    $(`tab-${tab}`).tabIndex = selected ? 0 : -1;
    $(`panel-${tab}`).hidden = !selected;
  }
  clearProblem();
  if (name === "browse") browse();
}

function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const at = TABS.findIndex((tab) => event.target.id === `tab-${tab}`);
  const name = TABS[(at + step + TABS.length) % TABS.length];
  showTab(name);
  $(`tab-${name}`).focus();
}

// --------------------------------------------------------------------- input

function takeFiles(zone, input, use) {
  input.addEventListener("change", () => {
    use([...input.files]);
    input.value = "";
  });
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  for (const end of ["dragleave", "drop"]) zone.addEventListener(end, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    use([...event.dataTransfer.files]);
  });
}

function searchByFile(files) {
  if (files.length > 0) searchBy({ file: files[0] });
}

for (const tab of TABS) {
  $(`tab-${tab}`).addEventListener("click", () => showTab(tab));
  $(`tab-${tab}`).addEventListener("keydown", moveTab);
}
takeFiles($("search-drop"), $("search-file"), searchByFile);
takeFiles($("add-drop"), $("add-files"), add);
document.addEventListener("paste", (event) => {
  if (!$("panel-search").hidden) searchByFile([...event.clipboardData.files]);
});
// A file that misses the zone must not replace the page.
for (const event of ["dragover", "drop"]) document.addEventListener(event, (e) => e.preventDefault());
$("search-options").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
$("min-score").addEventListener("input", () => {
  const value = Number($("min-score").value);
  $("min-score-shown").textContent = value < 0 ? "any" : value.toFixed(2);
});
drawable($("search-figure"));
for (const side of SIDES) $(`region-${side}`).addEventListener("input", showRegion);
$("region-clear").addEventListener("click", () => {
  setRegion(WHOLE);
  search();
});
for (const id of ["k", "min-score", ...SIDES.map((side) => `region-${side}`)]) $(id).addEventListener("change", () => search());
$("collection").addEventListener("change", () => chooseCollection($("collection").value));
$("new-collection").addEventListener("click", createCollection);
$("problem-close").addEventListener("click", clearProblem);
$("add-stop").addEventListener("click", () => {
  state.adding = false;
});
$("browse-more").addEventListener("click", guarded(browseMore));
$("go-add").addEventListener("click", () => showTab("add"));

guarded(loadCollections)();
