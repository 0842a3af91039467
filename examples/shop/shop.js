// A shop whose products are pictures in Eyrie. The page is of another origin than the service.

import { Eyrie, EyrieError } from "../../clients/js/src/index.js";

const $ = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.search);
// A real page has its key written here. Everybody can read it, so it is one that searches, from this page's origin only.
const apiKey = parameters.get("key") ?? undefined;
const eyrie = new Eyrie(parameters.get("eyrie") ?? "http://127.0.0.1:8080", {
  collection: parameters.get("collection") ?? "default",
  apiKey,
});

/** Below this score a product only looks a little like the photo. */
const WORTH_SHOWING = 0.3;

let running = null;

function product({ id, thumbnail_url, width, height, metadata, verdict }) {
  const item = document.createElement("li");
  const img = document.createElement("img");
  Object.assign(img, { alt: "", width, height, loading: "lazy" });
  show(img, thumbnail_url);
  const line = (text, name) => Object.assign(document.createElement("span"), { textContent: text, className: name });
  item.append(img, line(metadata?.title ?? id, "title"));
  const price = Number(metadata?.price);
  if (Number.isFinite(price)) item.append(line(`${price.toFixed(2)} €`, "price"));
  if (verdict === "same" || verdict === "near_duplicate") item.append(line("This is it", "exact"));
  return item;
}

/** With a key the picture has to be fetched: an `<img>` cannot send one. */
async function show(img, path) {
  if (!apiKey) {
    img.src = eyrie.url(path);
    return;
  }
  try {
    img.src = URL.createObjectURL(await eyrie.picture(path));
    img.addEventListener("load", () => URL.revokeObjectURL(img.src), { once: true });
  } catch (error) {
    console.warn(error);
  }
}

function say(text) {
  $("status").textContent = text;
}

/** Runs one thing at a time: the newest. */
async function only(action) {
  running?.abort();
  const own = new AbortController();
  running = own;
  try {
    await action(own.signal);
  } catch (error) {
    if (own.signal.aborted) return;
    // A customer needs no codes; whoever runs the shop finds them in the console.
    say(error instanceof EyrieError && error.code === "not_an_image" ? "That is no picture." : "The search does not work right now. Please try again later.");
    console.warn(error);
  } finally {
    if (running === own) $("sent").hidden = true;
  }
}

const showAll = () => only(async (signal) => {
  $("all").hidden = true;
  say("");
  const products = [];
  try {
    for await (const image of eyrie.list({ limit: 50, signal })) {
      products.push(product(image));
      if (products.length === 50) break;
    }
  } catch (error) {
    // A key that only searches sees no list.
    if (!(error instanceof EyrieError) || error.code !== "insufficient_scope") throw error;
    $("products").replaceChildren();
    say("Take a photo of what you look for.");
    return;
  }
  $("products").replaceChildren(...products);
  say(products.length ? `${products.length} products` : "The shelves are empty: add pictures to the collection.");
});

const find = (photo) => only(async (signal) => {
  say("Looking…");
  $("sent").hidden = false;
  const onProgress = (sent) => {
    $("sent").value = sent;
  };
  const { results } = await eyrie.search(photo, { k: 12, minScore: WORTH_SHOWING, signal, onProgress });
  $("products").replaceChildren(...results.map(product));
  $("all").hidden = false;
  say(results.length ? `${results.length} products look like your photo` : "Nothing here looks like your photo.");
});

$("photo").addEventListener("change", () => {
  if ($("photo").files[0]) find($("photo").files[0]);
  $("photo").value = "";
});
$("all").addEventListener("click", showAll);
showAll();
