// Small help with the document. Text from the server enters it as text only, never as markup.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** An element with these attributes (`text` is its text, functions are listeners) and children. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const button = (text, action, attributes = {}) => el("button", { type: "button", text, click: action, ...attributes });

export const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

export const pictures = (n) => count(n, "picture", "pictures");

export function bytes(n) {
  const units = ["bytes", "KB", "MB", "GB"];
  let unit = 0;
  let value = n;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 && unit ? 1 : 0 })} ${units[unit]}`;
}

/** Opens a dialog and resolves to the value of the button that closed it. */
export function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

/** Asks before something that cannot be undone. */
export async function confirmed(title, text, action) {
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-action").textContent = action;
  return (await ask($("confirm"))) === "yes";
}

/** Draws an outline over a picture of this size; its corners are fractions of width and height. */
export function drawOutline(svg, quad, width, height) {
  const polygon = document.createElementNS(SVG, "polygon");
  polygon.setAttribute("points", quad.map(([x, y]) => `${x * width},${y * height}`).join(" "));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(polygon);
  svg.toggleAttribute("hidden", false);
}

export function clearOutline(svg) {
  svg.toggleAttribute("hidden", true);
  svg.replaceChildren();
}

/** Says something to who cannot see what happened. */
export function announce(text) {
  $("announce").textContent = text;
}
