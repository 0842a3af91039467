// <eyrie-search>: choose or photograph a picture, see what looks like it.
//
//   <script type="module" src="eyrie-search.js"></script>
//   <eyrie-search url="https://eyrie.example" collection="shop" k="12" min-score="0.3" label="Find by photo"></eyrie-search>
//
// Where the service asks for keys, `key` is one that may be published: it searches, from the pages of this origin.
//
// Fires `eyrie-choose` with the result that was clicked as its `detail`, which links to nothing by itself. The parts `button`, `status`, `results`,
// `result` and `picture` can be styled from outside.

import { Eyrie } from "../src/index.js";

const STYLE = `
  :host { display: block; font: inherit; }
  label { display: inline-block; padding: .6em 1.2em; border: 1px solid currentcolor; border-radius: .5em; cursor: pointer; }
  label:focus-within { outline: 3px solid highlight; outline-offset: 2px; }
  input { position: absolute; opacity: 0; width: 1px; height: 1px; }
  p { min-height: 1.5em; }
  ul { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(9em, 1fr)); gap: 1em; }
  button { display: block; width: 100%; padding: 0; font: inherit; color: inherit; text-align: start; background: none; border: 0; cursor: pointer; }
  img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; }
`;

class EyrieSearch extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #running = null;

  connectedCallback() {
    if (this.#root.childElementCount > 0) return;
    const make = (tag, attributes = {}) => Object.assign(document.createElement(tag), attributes);
    const label = make("label", { part: "button", textContent: this.getAttribute("label") ?? "Search by a picture" });
    const input = make("input", { type: "file", accept: "image/*" });
    // Phones offer their camera at once.
    if (this.hasAttribute("camera")) input.setAttribute("capture", "environment");
    input.addEventListener("change", () => {
      if (input.files[0]) this.search(input.files[0]);
      input.value = "";
    });
    label.append(input);
    this.status = make("p", { part: "status" });
    this.status.setAttribute("role", "status");
    this.list = make("ul", { part: "results" });
    this.list.setAttribute("aria-label", "Results");
    this.#root.append(make("style", { textContent: STYLE }), label, this.status, this.list);
  }

  disconnectedCallback() {
    this.#running?.abort();
  }

  /** Searches by a picture or by the id of a stored one. */
  async search(query) {
    this.#running?.abort();
    const own = new AbortController();
    this.#running = own;
    const number = (name) => (this.hasAttribute(name) ? Number(this.getAttribute(name)) : undefined);
    const apiKey = this.getAttribute("key") ?? undefined;
    const eyrie = new Eyrie(this.getAttribute("url") ?? ".", { apiKey, collection: this.getAttribute("collection") ?? undefined });
    this.status.textContent = "Searching…";
    try {
      const options = { k: number("k"), minScore: number("min-score"), signal: own.signal };
      const { results } = await eyrie.search(query, options);
      this.list.replaceChildren(...results.map((hit) => this.#item(eyrie, hit)));
      this.status.textContent = results.length ? `${results.length} found` : "Nothing looks like this picture.";
    } catch (error) {
      if (own.signal.aborted) return;
      this.list.replaceChildren();
      this.status.textContent = error.message;
    }
  }

  /** Fetches a picture with the key. */
  async #show(img, eyrie, hit) {
    const picture = await eyrie.picture(hit.thumbnail_url).catch(() => null);
    if (!picture) return;
    const url = URL.createObjectURL(picture);
    for (const end of ["load", "error"]) img.addEventListener(end, () => URL.revokeObjectURL(url), { once: true });
    img.src = url;
  }

  #item(eyrie, hit) {
    const name = hit.metadata?.title ?? hit.metadata?.name ?? hit.id;
    const item = document.createElement("li");
    const button = document.createElement("button");
    const img = document.createElement("img");
    item.part = "result";
    img.part = "picture";
    button.type = "button";
    Object.assign(img, { alt: "", loading: "lazy", width: hit.width, height: hit.height });
    if (this.hasAttribute("key")) this.#show(img, eyrie, hit);
    else img.src = eyrie.url(hit.thumbnail_url);
    button.append(img, name);
    button.addEventListener("click", () => {
      this.dispatchEvent(new CustomEvent("eyrie-choose", { detail: hit, bubbles: true, composed: true }));
    });
    item.append(button);
    return item;
  }
}

customElements.define("eyrie-search", EyrieSearch);
