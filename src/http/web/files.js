// Pictures from this device: chosen, dropped, pasted, photographed, whole folders.

import { showStored } from "./api.js";
import { button, el } from "./dom.js";

const PICTURE = /\.(jpe?g|png|webp|gif|bmp|tiff?|avif|jxl|qoi|p[bgpn]m|ico)$/i;

/** Whether a file of a folder is worth sending. One that somebody chose by itself always is. */
export const looksLikePicture = (file) => !file.name.startsWith(".") && (file.type.startsWith("image/") || PICTURE.test(file.name));

const entriesOf = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function* below(entry) {
  if (entry.isFile) {
    const file = await fileOf(entry);
    yield { file, path: entry.fullPath.slice(1) };
    return;
  }
  const reader = entry.createReader();
  // A folder is read in portions until one is empty.
  for (let some = await entriesOf(reader); some.length > 0; some = await entriesOf(reader)) {
    for (const child of some) yield* below(child);
  }
}

/** What was dropped: `{ file, path }`, the files of folders included. */
async function dropped(transfer) {
  // They have to be taken before the first wait: the browser forgets them then.
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.());
  if (entries.length === 0 || entries.some((entry) => !entry)) return [...transfer.files].map((file) => ({ file }));
  const found = [];
  for (const entry of entries) {
    for await (const { file, path } of below(entry)) found.push(entry.isDirectory ? { file, path } : { file });
  }
  return found;
}

/** Hands the files of these inputs, and those dropped on the zone, to `use`. */
export function takeFiles(zone, inputs, use) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      const chosen = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || undefined }));
      input.value = "";
      use(chosen);
    });
  }
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  for (const end of ["dragleave", "drop"]) zone.addEventListener(end, () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    use(await dropped(event.dataTransfer));
  });
}

/** Shows files and addresses in a picture; the address of a file is given back when it is not shown any more. */
export function preview(img) {
  let url = "";
  return {
    show(source, alt) {
      if (url) URL.revokeObjectURL(url);
      url = typeof source === "string" ? "" : URL.createObjectURL(source);
      img.alt = alt;
      if (url) img.src = url;
      else showStored(img, source);
    },
    clear() {
      if (url) URL.revokeObjectURL(url);
      url = "";
      img.alt = "";
      img.removeAttribute("src");
    },
  };
}

/** A button that copies a text, where the browser lets pages do that. */
export function copyButton(text, what) {
  if (!navigator.clipboard) return null;
  const done = el("span", { role: "status", class: "quiet" });
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(text);
    done.textContent = "copied";
  }, { class: "small", "aria-label": `Copy ${what}` });
  return el("span", { class: "copy" }, copy, done);
}
