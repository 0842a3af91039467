// The box of the query picture that is searched for. The four fields hold it, in percent; drawing fills them in, and who
// cannot draw types.

import { $ } from "./dom.js";

const SIDES = ["left", "top", "width", "height"];
const WHOLE = [0, 0, 100, 100];

/** A box with sides of less than this many pixels on the screen is a click and not a box. */
const LEAST_DRAWN = 6;

/** Left, top, width and height in percent. */
const sides = () => SIDES.map((side) => $(`region-${side}`).valueAsNumber);

const isWhole = () => sides().every((value, i) => value === WHOLE[i]);

/** The box in fractions, or null for the whole picture. */
export const region = () => (isWhole() ? null : sides().map((percent) => percent / 100));

/** Fills in the fields, to the tenth; what ended at the border still does. */
function setRegion([left, top, width, height]) {
  const rounded = (value) => Number(value.toFixed(1));
  const [x, y] = [rounded(left), rounded(top)];
  const values = [x, y, rounded(rounded(left + width) - x), rounded(rounded(top + height) - y)];
  SIDES.forEach((side, i) => {
    $(`region-${side}`).value = values[i];
  });
  showRegion();
}

/** Shows on the picture what the fields say. */
function showRegion() {
  const [left, top] = sides();
  // At most up to the border.
  $("region-width").max = Number((100 - (left || 0)).toFixed(4));
  $("region-height").max = Number((100 - (top || 0)).toFixed(4));
  const box = $("search-box");
  box.hidden = $("region").disabled || isWhole();
  SIDES.forEach((side, i) => {
    box.style[side] = `${sides()[i]}%`;
  });
}

/** Only a picture that is at hand has parts to search for: of a stored one there is a small copy alone. */
export function offerRegion(offered) {
  $("region").hidden = !offered;
  $("region").disabled = !offered;
  $("search-figure").classList.toggle("drawable", offered);
  setRegion(WHOLE);
}

/** Lets a box be drawn on the query picture, by mouse, pen or finger. */
function drawable(figure, search) {
  let drawing = null; // where it began, in percent, and the region before it

  const place = (event) => {
    const frame = figure.getBoundingClientRect();
    const percent = (at, length) => Math.min(100, Math.max(0, (100 * at) / length));
    return [percent(event.clientX - frame.left, frame.width), percent(event.clientY - frame.top, frame.height)];
  };
  const between = ([x, y], [u, v]) => [Math.min(x, u), Math.min(y, v), Math.abs(x - u), Math.abs(y - v)];

  figure.addEventListener("pointerdown", (event) => {
    if ($("region").disabled || !event.isPrimary || event.button !== 0) return;
    figure.setPointerCapture(event.pointerId);
    drawing = { start: place(event), before: sides() };
  });
  figure.addEventListener("pointermove", (event) => {
    if (drawing && event.isPrimary) setRegion(between(drawing.start, place(event)));
  });
  figure.addEventListener("pointerup", (event) => {
    if (!drawing || !event.isPrimary) return;
    const { start, before } = drawing;
    drawing = null;
    const drawn = between(start, place(event));
    const frame = figure.getBoundingClientRect();
    const isBox = Math.min((drawn[2] * frame.width) / 100, (drawn[3] * frame.height) / 100) >= LEAST_DRAWN;
    setRegion(isBox ? drawn : before);
    if (isBox) search();
  });
  figure.addEventListener("pointercancel", () => {
    if (drawing) setRegion(drawing.before);
    drawing = null;
  });
}

export function wireRegion(search) {
  drawable($("search-figure"), search);
  for (const side of SIDES) {
    $(`region-${side}`).addEventListener("input", showRegion);
    $(`region-${side}`).addEventListener("change", search);
  }
  $("region-clear").addEventListener("click", () => {
    setRegion(WHOLE);
    search();
  });
}
