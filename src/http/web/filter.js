// Conditions on metadata: rows of field, relation and value, or the filter itself as JSON.

import { button, el } from "./dom.js";

/** Names of fields that answers had, offered where one is typed. */
const fields = new Set();

export function learnFields(metadata, before = "") {
  for (const [key, value] of Object.entries(metadata || {})) {
    if (key.includes(".") || fields.size > 200) continue;
    if (value && typeof value === "object" && !Array.isArray(value)) learnFields(value, `${before}${key}.`);
    else fields.add(before + key);
  }
}

/** A typed value as it may stand in metadata: 1979 may be a number there or a text. */
function values(text) {
  const trimmed = text.trim();
  if (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(trimmed)) return [Number(trimmed), trimmed];
  if (trimmed === "true" || trimmed === "false") return [trimmed === "true", trimmed];
  return [trimmed];
}

const is = (field, value) => {
  const all = values(value);
  return all.length === 1 ? { field, eq: all[0] } : { field, in: all };
};

const RELATIONS = [
  ["is", "is", is],
  ["not", "is not", (field, value) => ({ not: is(field, value) })],
  ["prefix", "starts with", (field, value) => ({ field, prefix: value.trim() })],
  ["gte", "is at least", (field, value) => ({ field, gte: values(value)[0] })],
  ["lte", "is at most", (field, value) => ({ field, lte: values(value)[0] })],
  ["exists", "is there", (field) => ({ field, exists: true })],
  ["missing", "is not there", (field) => ({ field, exists: false })],
];

const takesValue = (relation) => relation !== "exists" && relation !== "missing";

/**
 * Builds the filter in a `details` element and calls `changed` when it is another one.
 * Returns a function that gives the filter, or null where there is none.
 */
export function filterIn(details, changed) {
  const name = details.id;
  const known = el("datalist", { id: `${name}-fields` });
  const rows = el("div", { class: "conditions" });
  const plain = el("div", {}, rows, known);
  const text = el("textarea", { id: `${name}-json`, rows: 5, spellcheck: "false", "aria-describedby": `${name}-help` });
  const wrong = el("p", { class: "wrong", role: "alert" });
  const expert = el(
    "div",
    { hidden: true },
    el("label", { for: text.id, text: "Filter as JSON" }),
    text,
    el("p", { id: `${name}-help`, class: "quiet", text: 'For example {"any": [{"field": "year", "gte": 1979}, {"field": "tag", "eq": "new"}]}. all, any and not hold conditions; a condition has field and one of eq, in, gt, gte, lt, lte, prefix, exists.' }),
    wrong,
  );
  const active = el("span", { class: "badge count", hidden: true });
  let before = "null";

  const condition = (row) => {
    const [field, relation, value] = ["field", "relation", "value"].map((part) => row.querySelector(`[name="${part}"]`).value);
    if (!field.trim() || (takesValue(relation) && !value.trim())) return null;
    return RELATIONS.find(([key]) => key === relation)[2](field.trim(), value);
  };

  const fromRows = () => {
    const conditions = [...rows.children].map(condition).filter(Boolean);
    if (conditions.length === 0) return null;
    return conditions.length === 1 ? conditions[0] : { all: conditions };
  };

  const fromText = () => {
    wrong.textContent = "";
    if (!text.value.trim()) return null;
    try {
      return JSON.parse(text.value);
    } catch (error) {
      wrong.textContent = `This is no JSON yet: ${error.message}`;
      return undefined;
    }
  };

  const current = () => (expert.hidden ? fromRows() : fromText());

  const look = () => {
    const filter = current();
    if (filter === undefined) return;
    const n = expert.hidden ? [...rows.children].filter(condition).length : Number(filter !== null);
    active.hidden = n === 0;
    active.textContent = n;
    const after = JSON.stringify(filter);
    if (after === before) return;
    before = after;
    changed();
  };

  const addRow = (focus) => {
    const value = el("input", { name: "value", "aria-label": "Value", placeholder: "value", autocomplete: "off" });
    const relation = el(
      "select",
      { name: "relation", "aria-label": "Relation", change: () => { value.hidden = !takesValue(relation.value); } },
      ...RELATIONS.map(([key, label]) => new Option(label, key)),
    );
    const field = el("input", { name: "field", list: known.id, "aria-label": "Field", placeholder: "field", autocomplete: "off" });
    const row = el("div", { class: "condition", role: "group", "aria-label": "Condition" }, field, relation, value);
    row.append(button("×", () => {
      const next = row.nextElementSibling || row.previousElementSibling;
      row.remove();
      if (rows.childElementCount === 0) addRow(false);
      (next || rows.lastElementChild).querySelector("input").focus();
      look();
    }, { "aria-label": "Remove this condition", class: "small" }));
    rows.append(row);
    if (focus) field.focus();
  };

  const more = button("Add a condition", () => addRow(true), { class: "small" });
  const swap = button("As JSON", () => {
    const wasPlain = expert.hidden;
    if (wasPlain) text.value = fromRows() ? JSON.stringify(fromRows(), null, 2) : "";
    expert.hidden = !wasPlain;
    plain.hidden = wasPlain;
    more.hidden = wasPlain;
    swap.textContent = wasPlain ? "As a list" : "As JSON";
    if (wasPlain) text.focus();
    look();
  }, { class: "small" });

  details.append(
    el("summary", {}, "Filter by metadata ", active),
    el("div", { class: "filter", change: look }, plain, expert, el("p", { class: "row" }, more, swap)),
  );
  details.addEventListener("toggle", () => known.replaceChildren(...[...fields].sort().map((field) => new Option(field))));
  // Enter applies it and does not send the form around it.
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    look();
  });
  addRow(false);
  return () => JSON.parse(before);
}
