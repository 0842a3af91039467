// What all views share: tabs, messages, the collection that is open.

import { call, inWords, sentence, state } from "./api.js";
import { $, pictures } from "./dom.js";

/** What views do for each other; `app.js` fills it in. */
export const go = {};

export function showProblem(error) {
  if (error.name === "AbortError") return;
  $("problem-title").textContent = sentence(error.title || "Something went wrong");
  $("problem-detail").textContent = inWords(error);
  $("problem").hidden = false;
}

export function clearProblem() {
  $("problem").hidden = true;
}

export const guarded = (action) => async (...args) => {
  try {
    return await action(...args);
  } catch (error) {
    showProblem(error);
    return undefined;
  }
};

export async function loadCollections() {
  const { collections } = await call("v1/collections");
  if (!collections.some((c) => c.name === state.collection)) state.collection = "default";
  $("collection").replaceChildren(
    ...collections.map((c) => new Option(c.name, c.name, false, c.name === state.collection)),
  );
  state.facts = collections.find((c) => c.name === state.collection) || null;
  if (!state.facts) return;
  $("collection-facts").textContent = `${pictures(state.facts.images)} · ${state.facts.profile}`;
  $("collection-facts").title = state.facts.description;
  const stale = state.facts.stale_images;
  $("collection-stale").hidden = !stale;
  $("collection-stale").textContent = `${stale?.toLocaleString("en")} outdated`;
  $("collection-stale").title = stale
    ? `${pictures(stale)} described by another model: searches do not find them until they are added again`
    : "";
}

const tabs = () => [...document.querySelectorAll('[role="tab"]')].filter((tab) => !tab.hidden);

const nameOf = (tab) => tab.id.slice("tab-".length);

/** What a view does when it is opened. */
const opened = {};

export function onOpen(name, action) {
  opened[name] = action;
}

export const isOpen = (name) => !$(`panel-${name}`).hidden;

export function showTab(name) {
  for (const tab of tabs()) {
    const selected = nameOf(tab) === name;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    $(`panel-${nameOf(tab)}`).hidden = !selected;
  }
  clearProblem();
  opened[name]?.();
}

function moveTab(event) {
  const all = tabs();
  const at = all.indexOf(event.currentTarget);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = all[(to + all.length) % all.length];
  showTab(nameOf(tab));
  tab.focus();
}

export function wireTabs() {
  for (const tab of document.querySelectorAll('[role="tab"]')) {
    tab.addEventListener("click", () => showTab(nameOf(tab)));
    tab.addEventListener("keydown", moveTab);
  }
}
