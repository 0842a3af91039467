// The key: the page asks for one where the service does, or when somebody has another one.

import { hasKey, onKeyNeeded, useKey } from "./api.js";
import { $, ask } from "./dom.js";
import { clearProblem, guarded, loadCollections } from "./page.js";

/** The key that somebody types, or nothing. */
async function typed(title, wrong) {
  $("key-title").textContent = title;
  $("key-wrong").hidden = !wrong;
  $("key-wrong").textContent = wrong;
  // A dialog inside a dialog would be behind it.
  for (const open of document.querySelectorAll("dialog[open]")) open.close();
  const given = (await ask($("key"))) === "use" ? $("key-text").value.trim() : "";
  $("key").querySelector("form").reset();
  return given;
}

export function wireKey() {
  onKeyNeeded((refusal) => {
    const isWrong = hasKey() && refusal.code === "invalid_key";
    return typed("This needs a key", isWrong ? "That key is not taken: it is wrong, has expired or was revoked." : "");
  });
  // No button of the form: the first one of these is what Enter presses.
  $("key-cancel").addEventListener("click", () => $("key").close());
  const change = guarded(async () => {
    const given = await typed("Use another key", "");
    if (!given) return;
    useKey(given);
    clearProblem();
    await loadCollections();
  });
  $("key-change").addEventListener("click", change);
}
