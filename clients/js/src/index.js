// A thin face of Eyrie's HTTP interface. Answers are as the service sends them; their types are in schema.d.ts, which is
// generated from openapi.yaml.

/** A call that failed: as the service says why, or with the code `network` where it could not be reached. */
export class EyrieError extends Error {
  constructor(message, { code = "", status = 0, detail = "", requestId = "", retryAfter = 0, problem = {}, cause } = {}) {
    super(message, { cause });
    this.name = "EyrieError";
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.requestId = requestId;
    /** In seconds; 0 where the service does not say. */
    this.retryAfter = retryAfter;
    /** The whole problem document. */
    this.problem = problem;
  }
}

/** Codes of refusals that pass. */
const BUSY = ["overloaded", "rate_limited", "too_many_at_once"];

const segment = encodeURIComponent;

/** Names of the options whose names on the wire differ. */
const WIRE = { groupBy: "group_by", minScore: "min_score", onDuplicate: "on_duplicate", onSimilar: "on_similar" };

/** An option as a form has it. */
function asText(name, value) {
  if (name === "include" || name === "fields" || name === "region") return [value].flat().join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Options that are there, by their names on the wire, as text. */
function fields(options) {
  return Object.entries(options)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => [WIRE[name] ?? name, asText(name, value)]);
}

/** What can be sent as a picture. */
const isPicture = (query) => query instanceof Blob || query instanceof ArrayBuffer || ArrayBuffer.isView(query);

const asBlob = (picture) => (picture instanceof Blob ? picture : new Blob([picture]));

function form(entries, pictures) {
  const body = new FormData();
  for (const [name, value] of entries) body.append(name, value);
  for (const [name, given] of Object.entries(pictures)) {
    for (const picture of [given].flat()) body.append(name, asBlob(picture), picture.name ?? "picture");
  }
  return body;
}

function failure(status, text, header) {
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // Something in between answered, a proxy for one.
  }
  const detail = problem.detail ?? "";
  return new EyrieError(detail || problem.title || `the service answered with status ${status}`, {
    code: problem.code,
    status,
    detail,
    requestId: problem.request_id ?? header("x-request-id") ?? "",
    retryAfter: Number(header("retry-after")) || 0,
    problem,
  });
}

const unreachable = (cause) => new EyrieError("the service cannot be reached", { code: "network", cause });

/** Resolves after so many seconds; rejects as soon as the signal is aborted. */
function wait(seconds, signal) {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** Sends by XMLHttpRequest, which can say how much is sent. */
function sendWithProgress(url, { method, headers, body, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ lengthComputable, loaded, total }) => {
      if (lengthComputable) onProgress(loaded / total);
    });
    request.addEventListener("load", () => {
      resolve({ status: request.status, text: request.responseText, header: (name) => request.getResponseHeader(name) });
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(signal.reason));
    request.addEventListener("loadend", () => signal?.removeEventListener("abort", abort));
    signal?.addEventListener("abort", abort);
    request.send(body);
  });
}

/** A service, and the collection of it that calls are about. */
export class Eyrie {
  #base;
  #options;

  /**
   * @param {string | URL} url where the service is, `https://example.org/eyrie` under a path
   * @param {object} [options] see index.d.ts
   */
  constructor(url, { apiKey, collection = "default", retries = 2, fetch } = {}) {
    const base = new URL(url, globalThis.location?.href);
    if (!base.pathname.endsWith("/")) base.pathname += "/";
    this.#base = base;
    this.#options = { apiKey, collection, retries, fetch };
  }

  /** The collection that calls are about. */
  get collection() {
    return this.#options.collection;
  }

  /** The same service with another collection. */
  in(collection) {
    return new Eyrie(this.#base, { ...this.#options, collection });
  }

  /** The address of a path of an answer, such as `thumbnail_url`. */
  url(path) {
    return new URL(path, this.#base).href;
  }

  /** The picture behind a path of an answer, such as `thumbnail_url`. With a key an `<img>` cannot ask for it by itself. */
  async picture(path, { signal } = {}) {
    signal?.throwIfAborted();
    const { apiKey, fetch = globalThis.fetch } = this.#options;
    const headers = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
    let response;
    try {
      response = await fetch(this.url(path), { headers, signal });
      if (response.ok) return await response.blob();
    } catch (error) {
      signal?.throwIfAborted();
      throw unreachable(error);
    }
    throw failure(response.status, await response.text(), (name) => response.headers.get(name));
  }

  #path(rest = "") {
    return `v1/collections/${segment(this.collection)}${rest}`;
  }

  /** One exchange: status, text and headers, or a network failure. */
  async #exchange(url, { method, headers, body, signal, onProgress }) {
    if (onProgress && globalThis.XMLHttpRequest) return sendWithProgress(url, { method, headers, body, signal, onProgress });
    let response;
    let text;
    try {
      response = await (this.#options.fetch ?? globalThis.fetch)(url, { method, headers, body, signal });
      text = await response.text();
    } catch (error) {
      signal?.throwIfAborted();
      throw unreachable(error);
    }
    return { status: response.status, text, header: (name) => response.headers.get(name) };
  }

  async #call(method, path, { query = [], body, json, headers = {}, signal, onProgress } = {}) {
    signal?.throwIfAborted();
    const url = new URL(path, this.#base);
    for (const [name, value] of query) url.searchParams.append(name, value);
    const { apiKey, retries } = this.#options;
    const all = { accept: "application/json", ...headers };
    if (json !== undefined) all["content-type"] = "application/json";
    if (apiKey) all.authorization = `Bearer ${apiKey}`;
    const sent = json === undefined ? body : JSON.stringify(json);
    for (let tries = 0; ; tries += 1) {
      const { status, text, header } = await this.#exchange(url.href, { method, headers: all, body: sent, signal, onProgress });
      if (status >= 200 && status < 300) return text ? JSON.parse(text) : undefined;
      const error = failure(status, text, header);
      // A full queue and a limit say when to come back; nothing was done.
      if (!BUSY.includes(error.code) || tries >= retries) throw error;
      await wait(error.retryAfter || 1, signal);
    }
  }

  /** Searches by a picture, by several of one thing, by the id of a stored one, or by `{ descriptor, version }`. */
  async search(query, { signal, onProgress, ...options } = {}) {
    const path = this.#path("/search");
    if (Array.isArray(query) || isPicture(query)) return this.#call("POST", path, { body: form(fields(options), { image: query }), signal, onProgress });
    const by = typeof query === "string" ? { id: query } : query;
    const json = { ...by };
    for (const [name, value] of Object.entries(options)) if (value !== undefined) json[WIRE[name] ?? name] = value;
    return this.#call("POST", path, { json, signal });
  }

  /** Adds a picture. With `replace`, it is stored under `id` over what is there. */
  async add(picture, { id, replace = false, signal, onProgress, ...options } = {}) {
    if (replace) {
      if (id === undefined) throw new TypeError("replace goes with an id");
      const body = form(fields(options), { image: picture });
      return this.#call("PUT", this.#path(`/images/${segment(id)}`), { body, signal, onProgress });
    }
    const body = form(fields({ id, ...options }), { image: picture });
    return this.#call("POST", this.#path("/images"), { body, signal, onProgress });
  }

  /** The record of a picture. */
  async get(id, { signal } = {}) {
    return this.#call("GET", this.#path(`/images/${segment(id)}`), { signal });
  }

  /** All pictures in order of id unless `sort` says otherwise, page by page as they are asked for. */
  async *list({ sort, filter, limit, signal } = {}) {
    let cursor;
    do {
      const page = await this.#call("GET", this.#path("/images"), { query: fields({ sort, filter, limit, cursor }), signal });
      yield* page.images;
      cursor = page.next_cursor;
    } while (cursor);
  }

  /** Changes metadata by a merge patch: members that are null are taken away. */
  async update(id, metadata, { ifMatch, signal } = {}) {
    const headers = ifMatch === undefined ? {} : { "if-match": `"${ifMatch}"` };
    return this.#call("PATCH", this.#path(`/images/${segment(id)}`), { json: { metadata }, headers, signal });
  }

  /** Deletes a picture; with `ifMatch` only this revision of it. */
  async delete(id, { ifMatch, signal } = {}) {
    const headers = ifMatch === undefined ? {} : { "if-match": `"${ifMatch}"` };
    await this.#call("DELETE", this.#path(`/images/${segment(id)}`), { headers, signal });
  }

  /** What two pictures have in common; each is a picture or the id of a stored one of this collection. */
  async compare(a, b, { signal, ...options } = {}) {
    const entries = fields(options);
    const pictures = {};
    for (const [side, picture] of Object.entries({ a, b })) {
      if (isPicture(picture)) pictures[side] = picture;
      else entries.push([`${side}_id`, picture], [`${side}_collection`, this.collection]);
    }
    return this.#call("POST", "v1/compare", { body: form(entries, pictures), signal });
  }

  /** Every collection with its counts. */
  async collections({ signal } = {}) {
    return (await this.#call("GET", "v1/collections", { signal })).collections;
  }

  /** Creates this collection; the same call again changes nothing. */
  async createCollection({ signal, ...options } = {}) {
    return this.#call("PUT", this.#path(), { json: options, signal });
  }

  /** Deletes this collection and all its pictures. */
  async deleteCollection({ signal } = {}) {
    await this.#call("DELETE", this.#path(), { signal });
  }
}
