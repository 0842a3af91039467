// Adding pictures: several at a time, whole folders, with progress, an end on demand, and another try.

import { inCollection, inWords, send } from "./api.js";
import { verdictOf } from "./cards.js";
import { $, bytes, count, el } from "./dom.js";
import { looksLikePicture, takeFiles } from "./files.js";
import { clearProblem, guarded, loadCollections } from "./page.js";

const PARALLEL_UPLOADS = 3;
const MAX_TRIES = 6;

let stopper = null; // AbortController of the uploads under way
let failed = []; // what may be tried again

/** Waits so many seconds, or until it is stopped. */
function wait(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

/** A file name as an id: what ids cannot have becomes an underscore. */
function idOf(name) {
  const id = name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._:-]+/g, "_").slice(0, 128);
  return id === "" || id === "." || id === ".." ? "_" : id;
}

async function upload({ file, path }, target, signal, progress) {
  const form = new FormData();
  form.append("image", file);
  form.append("metadata", JSON.stringify(path ? { file_name: file.name, path } : { file_name: file.name }));
  if (target.similar) form.append("on_similar", "report");
  const url = target.asIds ? `${target.base}/${encodeURIComponent(idOf(file.name))}` : target.base;
  for (let tries = 1; ; tries += 1) {
    try {
      return await send(target.asIds ? "PUT" : "POST", url, form, { signal, progress });
    } catch (error) {
      // A full queue is no failure of the file: come back when the service says.
      if (!["overloaded", "rate_limited", "too_many_at_once"].includes(error.code) || tries === MAX_TRIES) throw error;
      await wait(error.retryAfter || 1, signal);
    }
  }
}

function outcome({ status, body }, asIds) {
  const known = asIds ? `replaced ${body.id}` : `already there as ${body.id}`;
  return status === 201 ? `stored as ${body.id}` : known;
}

/** What was there already and shows the same thing. */
function warnings(body) {
  const close = (body.similar || []).filter(({ verdict }) => verdict !== "similar");
  const found = close.map(({ id, verdict }) => `${verdictOf({ verdict }).toLowerCase()}: ${id}`);
  return [...found, ...(body.warnings || []).map((warning) => warning.detail || String(warning))];
}

function row(entry) {
  const status = el("span", { class: "quiet status", text: "waiting" });
  const item = el("li", {}, el("span", { class: "file", text: entry.path || entry.file.name }), status);
  return { ...entry, item, status };
}

const add = guarded(async (entries) => {
  if (stopper) return;
  // Whoever chooses a folder did not choose what else is in it.
  const files = entries.filter(({ file, path }) => !path || looksLikePicture(file));
  const others = entries.length - files.length;
  $("add-skipped").hidden = others === 0;
  $("add-skipped").textContent = `${count(others, "file that is no picture was", "files that are no pictures were")} left out.`;
  if (files.length === 0) return;
  stopper = new AbortController();
  const { signal } = stopper;
  clearProblem();
  failed = [];
  const target = { base: inCollection("/images"), asIds: $("names-as-ids").checked, similar: warnsOfSimilar() };
  const queue = files.map(row);
  const total = files.reduce((sum, { file }) => sum + file.size, 0);
  $("add-list").replaceChildren(...queue.map(({ item }) => item));
  $("add-empty").hidden = true;
  $("add-again").hidden = true;
  $("add-progress").hidden = false;
  $("add-meter").max = Math.max(1, total);
  $("add-stop").hidden = false;
  let done = 0;
  let sent = 0; // bytes of files that are done
  const sending = new Map(); // bytes of those under way
  const report = () => {
    $("add-meter").value = sent + [...sending.values()].reduce((sum, n) => sum + n, 0);
    const failures = failed.length ? `, ${count(failed.length, "failure", "failures")}` : "";
    const left = signal.aborted && files.length > done ? `, ${files.length - done} left out` : "";
    $("add-status").textContent = `${done} of ${files.length}${failures}${left} (${bytes(total)})`;
  };
  const one = async (entry) => {
    const { file, item, status } = entry;
    status.textContent = "sending…";
    try {
      const answer = await upload(entry, target, signal, (part) => {
        sending.set(file, part * file.size);
        status.textContent = part < 1 ? `sending, ${Math.round(part * 100)} %` : "being described…";
        report();
      });
      status.textContent = outcome(answer, target.asIds);
      for (const warning of warnings(answer.body)) status.append(el("span", { class: "badge warning", text: warning }));
    } catch (error) {
      if (error.name === "AbortError") {
        status.textContent = "left out";
        return;
      }
      failed.push(entry);
      status.textContent = inWords(error);
      status.className = "failed status";
      // What went wrong is at the top.
      item.parentElement?.prepend(item);
    } finally {
      sending.delete(file);
    }
    done += 1;
    sent += file.size;
  };
  const worker = async () => {
    while (queue.length && !signal.aborted) {
      await one(queue.shift());
      report();
    }
  };
  report();
  await Promise.all(Array.from({ length: PARALLEL_UPLOADS }, worker));
  for (const { status } of queue) status.textContent = "left out";
  stopper = null;
  report();
  $("add-stop").hidden = true;
  $("add-again").hidden = failed.length === 0;
  await loadCollections();
});

/** Whether to ask what shows the same thing; services of before cannot say it. */
function warnsOfSimilar() {
  return $("warn-similar").checked && !$("warn-similar-line").hidden;
}

export function wireAdd() {
  takeFiles($("add-drop"), [$("add-files"), $("add-folder"), $("add-camera")], add);
  $("add-choose-folder").hidden = !("webkitdirectory" in HTMLInputElement.prototype);
  $("add-stop").addEventListener("click", () => stopper?.abort());
  $("add-again").addEventListener("click", () => add(failed.map(({ file, path }) => ({ file, path }))));
  window.addEventListener("beforeunload", (event) => {
    if (stopper) event.preventDefault();
  });
}
