// One picture of the collection: its card, and everything about it on demand.

import { call, imagePath, isStale, relative, showStored, state } from "./api.js";
import { copyButton } from "./files.js";
import { learnFields } from "./filter.js";
import { clearProblem, go, guarded, loadCollections } from "./page.js";
import { $, announce, button, bytes, confirmed, count, drawOutline, el } from "./dom.js";

const VERDICTS = { same: "Same picture", near_duplicate: "Near duplicate", similar: "Looks alike", different: "Different" };

/** A verdict in words. Pictures that are similar share a part where that was found spot by spot. */
export const verdictOf = ({ verdict, verified }) => (verdict === "similar" && verified ? "Shares a part" : VERDICTS[verdict]);

/** The longest side of a thumbnail. */
const THUMBNAIL = 256;

const LONGEST_ID = 24;

/** An id as it fits on a card: of a long one the beginning and the end. */
const shortId = (id) => (id.length <= LONGEST_ID ? id : `${id.slice(0, 13)}…${id.slice(-6)}`);

const TITLES = ["title", "name", "label", "caption", "file_name"];

const inWords = (value) => (value && typeof value === "object" ? Object.values(value).map(inWords).join(", ") : String(value));

/** Metadata in one line, what is short and plain first. */
function inLine(metadata, without) {
  const entries = Object.entries(metadata || {}).filter(([key]) => key !== without);
  const nested = ([, value]) => Number(value !== null && typeof value === "object");
  return entries.sort((a, b) => nested(a) - nested(b)).map(([key, value]) => `${key}: ${inWords(value)}`).join(" · ");
}

/** The metadatum that names the picture, if there is one. */
const titleKey = (metadata) => TITLES.find((key) => typeof metadata?.[key] === "string" && metadata[key].trim());

/** Sets a stored picture's small copy, with its size known before it is loaded. */
export function thumbnail(img, image) {
  const scale = Math.min(1, THUMBNAIL / Math.max(image.width, image.height));
  img.width = Math.max(1, Math.round(image.width * scale));
  img.height = Math.max(1, Math.round(image.height * scale));
  showStored(img, relative(image.thumbnail_url));
}

export const asQuery = (image) => ({ id: image.id, name: nameOf(image), thumbnail: relative(image.thumbnail_url), width: image.width, height: image.height });

export function nameOf(image) {
  const key = titleKey(image.metadata);
  return key ? image.metadata[key] : image.id;
}

function badge(text, kind, title) {
  return el("span", { class: `badge ${kind}`, text, title });
}

async function markStale(node, image) {
  if (!image.version || !(await isStale(image.version))) return;
  node.append(badge("Outdated", "warning", "Described by another model: searches do not find it until it is added again"));
}

/** A card. `hit`: it is the result of a search. `shown` is called when the pointer or the focus comes to it. */
export function card(image, { hit = false, query = null, shown = null } = {}) {
  const node = $("card").content.firstElementChild.cloneNode(true);
  const part = (css) => node.querySelector(css);
  const name = nameOf(image);
  learnFields(image.metadata);

  const picture = part(".picture");
  picture.setAttribute("aria-label", `Search by ${name}`);
  picture.title = `${image.width} × ${image.height}: search by this picture`;
  thumbnail(part("img"), image);
  picture.addEventListener("click", () => go.search(asQuery(image)));

  const key = titleKey(image.metadata);
  part(".name").textContent = key ? name : "";
  part(".name").hidden = !key;
  part(".name").title = name;
  part(".id").textContent = shortId(image.id);
  part(".id").title = image.id;
  part(".metadata").textContent = inLine(image.metadata, key);
  part(".metadata").hidden = part(".metadata").textContent === "";

  const badges = part(".badges");
  if (hit) {
    part(".score").hidden = false;
    part("meter").value = Math.max(0, image.score);
    part("b").textContent = image.score.toFixed(3);
    if (image.match) {
      drawOutline(part(".match"), image.match.quad_in_result, image.width, image.height);
      part(".verified").hidden = false;
      part(".verified .badge").textContent = verdictOf(image);
      part(".verified .quiet").textContent = `verified${image.match?.mirrored ? ", mirrored" : ""}: ${count(image.inliers, "spot matches", "spots match")}`;
    }
  }
  for (const warning of image.warnings || []) badges.append(badge("Warning", "warning", warning.detail || inWords(warning)));
  markStale(badges, image).catch(() => {});
  if (shown) for (const event of ["pointerenter", "focusin"]) node.addEventListener(event, shown);

  const removed = () => {
    const next = node.nextElementSibling || node.previousElementSibling;
    node.remove();
    (next?.querySelector(".picture") || document.querySelector('[role="tab"][aria-selected="true"]')).focus();
  };
  part(".details").setAttribute("aria-label", `Details of ${name}`);
  part(".details").addEventListener("click", guarded(() => details(image, query, removed)));
  return node;
}

const facts = (entries) =>
  el("dl", {}, ...entries.filter(([, value]) => value !== undefined && value !== "").flatMap(([term, value]) => [
    el("dt", { text: term }),
    el("dd", {}, ...[value].flat().filter(Boolean)),
  ]));

const when = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Everything about a picture, and what can be done with it. */
async function details(image, query, removed) {
  const record = await call(imagePath(image.id));
  const dialog = $("details");
  const close = () => dialog.close();
  $("details-title").textContent = nameOf(record);
  const img = el("img", { alt: "" });
  thumbnail(img, record);
  const metadata = Object.keys(record.metadata).length ? JSON.stringify(record.metadata, null, 2) : "none";
  $("details-body").replaceChildren(
    img,
    facts([
      ["Id", [el("code", { text: record.id }), copyButton(record.id, "the id")]],
      ["Score", image.score?.toFixed(4)],
      ["Verdict", image.score === undefined ? undefined : verdictOf(image)],
      ["Spots that match", image.inliers === undefined ? undefined : String(image.inliers)],
      ["Cells alike", image.cells === undefined ? undefined : String(image.cells)],
      ["Confidence", image.confidence === undefined ? undefined : `${(image.confidence * 100).toFixed(1)} %`],
      ["Picture", `${record.width} × ${record.height}, ${record.format.toUpperCase()}, ${bytes(record.byte_size)}`],
      ["Original", record.original_url && el("a", { href: relative(record.original_url), download: "", text: "Download the file" })],
      ["Added", when(record.created_at)],
      ["Changed", record.updated_at === record.created_at ? undefined : when(record.updated_at)],
      ["Model", el("code", { text: record.version })],
      ["SHA-256", el("code", { text: record.sha256 })],
    ]),
    el("h3", { text: "Metadata" }),
    el("pre", { tabindex: 0, "aria-label": "Metadata", text: metadata }),
  );
  $("details-actions").replaceChildren(
    button("Similar pictures", () => { close(); go.search(asQuery(record)); }, { class: "primary" }),
    ...(go.compare
      ? [button(query ? "Compare with the query" : "Compare with another", () => { close(); go.compare(query, asQuery(record)); })]
      : []),
    button("Delete…", guarded(async () => {
      close();
      if (await deleteImages([record.id])) removed();
    }), { class: "danger" }),
    button("Close", close),
  );
  dialog.showModal();
}

/** Deletes pictures after a question; says whether that was done. */
export async function deleteImages(ids) {
  const one = ids.length === 1;
  const agreed = await confirmed(
    one ? "Delete this picture?" : `Delete ${ids.length} pictures?`,
    `${one ? `“${ids[0]}”` : "They"} will not be found any more. This cannot be undone.`,
    one ? "Delete" : `Delete ${ids.length}`,
  );
  if (!agreed) return false;
  clearProblem();
  for (const id of ids) {
    await call(imagePath(id), { method: "DELETE" }).catch((error) => {
      // Somebody else was faster.
      if (error.code !== "unknown_image") throw error;
    });
    go.forgotten?.(id);
  }
  await loadCollections();
  announce(one ? `${ids[0]} is deleted` : `${ids.length} pictures are deleted`);
  return true;
}

/** Which pictures the collection has none of, in words. */
export const emptyCollection = () => (state.facts?.images === 0 ? "this collection is empty: add pictures first" : "");
