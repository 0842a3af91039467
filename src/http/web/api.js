// The HTTP interface as the page uses it. Every address is relative to the page's own, so that it works under any path that
// a proxy puts it.

export const state = {
  collection: new URLSearchParams(location.search).get("collection") || "default",
  /** What the service says of that collection. */
  facts: null,
};

/** A path below the collection. */
export const inCollection = (path) => `v1/collections/${encodeURIComponent(state.collection)}${path}`;

export const imagePath = (id) => inCollection(`/images/${encodeURIComponent(id)}`);

/** A path of an answer, relative to the page. */
export const relative = (path) => path.slice(path.indexOf("/v1/") + 1);

/** A failure as the service describes it (application/problem+json), or as the network does. */
export class Failure extends Error {
  constructor(problem, retryAfter = 0) {
    super(problem.detail || problem.title || "The request failed");
    this.code = problem.code || "";
    this.title = problem.title || "The request failed";
    this.requestId = problem.request_id || "";
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

const HINTS = {
  not_an_image: "Choose a picture: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or JPEG XL.",
  image_truncated: "The file seems to be incomplete. Download or copy it again.",
  image_corrupt: "Open it in a picture viewer and save it again.",
  unsupported_image_format: "Convert it to JPEG or PNG first.",
  image_too_many_pixels: "Make it smaller first.",
  upload_too_large: "Make the file smaller first.",
  insufficient_scope: "Give another key: “Key” at the end of the page.",
  rate_limited: "Wait a little, then try again.",
  region_too_small: "Draw a larger box.",
  overloaded: "Try again in a moment.",
  not_ready: "The service has just started. Try again in a moment.",
  version_mismatch: "This picture was described by an older model and has to be added again.",
};

const unreachable = () => new Failure({ code: "network", title: "The service cannot be reached.", detail: "Is it running?" });

function failure(status, text, retryAfter) {
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    problem = { title: `The service answered with status ${status}.` };
  }
  return new Failure(problem, Number(retryAfter) || 0);
}

/** The key that the service asked for. It is kept here alone, and so forgotten with the page. */
let key = "";

/** Asks for a key and resolves to one, or to nothing; `key.js` fills it in. */
let askForKey = async () => "";
let asking;

export function onKeyNeeded(ask) {
  askForKey = ask;
}

export const hasKey = () => Boolean(key);

export function useKey(text) {
  key = text;
}

const keyHeaders = () => (key ? { authorization: `Bearer ${key}` } : {});

/** Whether a call that was refused with one key can be made again with another. Calls that are refused together ask once. */
async function hasOtherKey(used, refusal) {
  if (refusal.problem.status !== 401) return false;
  if (key === used) {
    asking ||= askForKey(refusal).finally(() => {
      asking = undefined;
    });
    key = (await asking) || key;
  }
  return key !== used;
}

/** The answer to a call that succeeded; anything else throws a Failure. */
async function answer(path, options = {}) {
  for (;;) {
    const used = key;
    let response;
    try {
      response = await fetch(path, { ...options, headers: { ...options.headers, ...keyHeaders() } });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw unreachable();
    }
    if (response.ok) return response;
    const refusal = failure(response.status, await response.text().catch(() => ""), response.headers.get("retry-after"));
    if (!(await hasOtherKey(used, refusal))) throw refusal;
  }
}

/** Shows a stored picture. An address has no place for a key, so with one the picture is fetched. */
export async function showStored(img, path) {
  // What an answer holds itself needs no further request.
  if (!key || path.startsWith("data:")) {
    img.src = path;
    return;
  }
  const response = await answer(path).catch(() => null);
  if (!response) return;
  const url = URL.createObjectURL(await response.blob());
  for (const end of ["load", "error"]) img.addEventListener(end, () => URL.revokeObjectURL(url), { once: true });
  img.src = url;
}

export async function call(path, options) {
  const response = await answer(path, options);
  return response.status === 204 ? null : response.json();
}

export const json = (method, body) => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** Sends a form and says how much of it is sent, which `fetch` cannot. Resolves to status and JSON. */
export async function send(method, path, form, options) {
  for (;;) {
    const used = key;
    try {
      return await sendOnce(method, path, form, options);
    } catch (error) {
      if (!(error instanceof Failure) || !(await hasOtherKey(used, error))) throw error;
    }
  }
}

function sendOnce(method, path, form, { signal, progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open(method, path);
    for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const { status, responseText } = request;
      if (status >= 200 && status < 300) resolve({ status, body: JSON.parse(responseText) });
      else reject(failure(status, responseText, request.getResponseHeader("retry-after")));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    request.addEventListener("loadend", () => signal.removeEventListener("abort", abort));
    signal.addEventListener("abort", abort);
    if (signal.aborted) reject(new DOMException("stopped", "AbortError"));
    else request.send(form);
  });
}

export function sentence(text) {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const capital = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

export function inWords(error) {
  const parts = [sentence(error.message), HINTS[error.code] || ""];
  if (error.code === "internal_error" && error.requestId) parts.push(`Request id: ${error.requestId}`);
  return parts.filter(Boolean).join(" ");
}

let contract;

/** Whether this service has a call or a field: the page is the same for all, the contract says what there is. */
export async function knows(name) {
  contract ||= answer("openapi.yaml").then((response) => response.text());
  return (await contract).split("\n").some((line) => line.trim() === `${name}:`);
}

let fingerprint;

/** Whether a picture was described by another model than the one that runs, so that searches do not find it. */
export async function isStale(version) {
  if (!state.facts?.stale_images) return false;
  fingerprint ||= call("v1/chip").then((report) => report.model.fingerprint);
  return version.split("/")[0] !== (await fingerprint);
}
