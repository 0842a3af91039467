import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { URL_OF_SERVICE, freshCollection, picture } from "../../clients/js/test/server.js";
import { choose, lookOver, openPage, pictureFiles, startBrowser } from "./browser.js";

const LOOKS = [
  { width: 1100, scheme: "light" },
  { width: 1100, scheme: "dark" },
  { width: 360, height: 740, scheme: "light", touch: true },
];

/** Where a file of the page is tried before it is built in, a server in front of the service gives it. */
const PAGE = process.env.EYRIE_PAGE ?? URL_OF_SERVICE;

async function filled(t) {
  const eyrie = await freshCollection(t);
  for (const seed of [1, 2, 3, 4, 5]) {
    const metadata = { title: `Picture number ${seed}`, year: 1978 + seed, tags: ["made", "by hand"], place: { shelf: "A".repeat(seed * 9) } };
    await eyrie.add(picture(seed, 480, 360), { id: seed === 5 ? "0199d1d4-7f4e-7c3a-9a55-0b8f6d2c9e10" : `seed-${seed}`, metadata });
  }
  return eyrie;
}

for (const look of LOOKS) {
  test(`the page has no serious fault in any state at ${look.width} px, ${look.scheme}`, async (t) => {
    const eyrie = await filled(t);
    const files = await pictureFiles(t, [3, 6]);
    const browser = await startBrowser(t);
    const { page, complaints } = await openPage(t, browser, `${PAGE}/?collection=${eyrie.collection}`, look);
    const shown = (css) => page.waitForSelector(css, { visible: true });
    const text = (css) => page.$eval(css, (node) => node.textContent);

    await page.waitForFunction((name) => document.getElementById("collection").value === name, {}, eyrie.collection);
    await lookOver(page, "search empty");

    // What moves inside a list moves because a picture has come; what is under a list makes room for it.
    await page.evaluate(() => {
      globalThis.shifts = [];
      new PerformanceObserver((list) => {
        for (const { sources } of list.getEntries()) {
          for (const { node } of sources) if (node?.parentElement?.closest(".card")) globalThis.shifts.push(node.className || node.nodeName);
        }
      }).observe({ type: "layout-shift" });
    });
    await choose(page, "#search-file", files[3]);
    await page.waitForFunction(() => document.querySelectorAll("#results .card").length === 5);
    assert.equal(await text("#results .card .id"), "seed-3");
    assert.match(await text("#results .card .verified"), /Same picture/);
    const sizes = await page.$$eval("#results img", (all) => all.map(({ width, height, naturalWidth }) => [width, height, naturalWidth]));
    assert.ok(sizes.every(([width, height]) => width > 0 && height > 0), `${sizes}`);
    await lookOver(page, "results");

    await page.click("#results .card .details");
    await shown("#details");
    assert.match(await text("#details-body"), /seed-3/);
    assert.match(await text("#details-body"), /SHA-256/);
    await lookOver(page, "details");
    await page.keyboard.press("Escape");
    assert.ok(await page.$eval("#results .card .details", (button) => button === document.activeElement), "the focus is back");

    await page.click("#search-filter summary");
    await page.type("#search-filter [name=field]", "year");
    await page.type("#search-filter [name=value]", "1981");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll("#results .card").length === 1);
    await page.select("#search-filter [name=relation]", "gte");
    await page.waitForFunction(() => document.querySelectorAll("#results .card").length === 3);
    await lookOver(page, "filter");
    await page.evaluate(() => [...document.querySelectorAll("#search-filter button")].find((b) => b.textContent === "As JSON").click());
    await shown("#search-filter textarea");
    assert.deepEqual(JSON.parse(await page.$eval("#search-filter textarea", (area) => area.value)), { field: "year", gte: 1981 });
    await page.$eval("#search-filter textarea", (area) => {
      area.value = '{"field": ';
      area.dispatchEvent(new Event("change", { bubbles: true }));
    });
    assert.match(await text("#search-filter .wrong"), /no JSON yet/);
    await lookOver(page, "filter as JSON");
    await page.$eval("#search-filter textarea", (area) => {
      area.value = '{"field": "year", "eq": 1800}';
      area.dispatchEvent(new Event("change", { bubbles: true }));
    });
    await page.waitForFunction(() => document.getElementById("search-status").textContent.includes("passes the filter"));

    await page.click("#tab-add");
    await lookOver(page, "add empty");
    await choose(page, "#add-files", files[6], files.broken);
    await shown("#add-again");
    assert.match(await text("#add-status"), /^2 of 2, 1 failure/);
    assert.match(await text("#add-list li"), /broken\.png.*not an image/);
    await lookOver(page, "added");
    await page.evaluate(() => document.getElementById("add-again").click());
    await page.waitForFunction(() => document.querySelectorAll("#add-list li").length === 1 && document.getElementById("add-stop").hidden);

    await page.click("#tab-browse");
    await page.waitForFunction(() => document.querySelectorAll("#browse .card").length === 6);
    await lookOver(page, "browse");
    await page.click("#browse .card .details");
    await shown("#details");
    await page.evaluate(() => [...document.querySelectorAll("#details button")].find((b) => b.textContent === "Delete…").click());
    await shown("#confirm");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Keep", "nothing is deleted by accident");
    await lookOver(page, "confirm");
    await page.click("#confirm-action");
    await page.waitForFunction(() => document.querySelectorAll("#browse .card").length === 5);

    await page.click("#new-collection");
    await shown("#create");
    await lookOver(page, "new collection");
    await page.keyboard.press("Escape");

    assert.deepEqual(await page.evaluate(() => globalThis.shifts), [], "nothing jumps when pictures come");
    // What is asked for on purpose: a file that is no picture.
    assert.deepEqual(complaints.filter((line) => !/status of 4(00|15|22)/.test(line)), []);
  });
}

test("the page is used by keyboard alone", async (t) => {
  const eyrie = await filled(t);
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(t, browser, `${PAGE}/?collection=${eyrie.collection}`);
  await page.waitForFunction((name) => document.getElementById("collection").value === name, {}, eyrie.collection);
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "skip");
  await page.focus("#tab-search");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "tab-add");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "tab-browse");
  await page.waitForSelector("#browse .card");
  await page.keyboard.press("Tab"); // the filter
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "picture");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid", "the focus is seen");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("#results .card").length === 4);
  assert.deepEqual(complaints, []);
});

test("a folder is added but for what is no picture, and uploads end when they are told to", async (t) => {
  const eyrie = await freshCollection(t);
  const folder = await mkdtemp(join(tmpdir(), "eyrie-folder-"));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "inner"));
  await writeFile(join(folder, "one.png"), picture(1));
  await writeFile(join(folder, "inner", "two.png"), picture(2));
  await writeFile(join(folder, "inner", "notes.txt"), "no picture");
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(t, browser, `${PAGE}/?collection=${eyrie.collection}`);
  await page.waitForFunction((name) => document.getElementById("collection").value === name, {}, eyrie.collection);
  await page.click("#tab-add");
  const ended = () => page.waitForFunction(() => document.getElementById("add-list").childElementCount > 0 && document.getElementById("add-stop").hidden);
  await choose(page, "#add-folder", folder);
  await ended();
  assert.match(await page.$eval("#add-status", (status) => status.textContent), /^2 of 2 /);
  assert.match(await page.$eval("#add-skipped", (skipped) => skipped.textContent), /^1 file that is no picture was left out/);
  const names = [];
  for await (const { metadata } of eyrie.list()) names.push(`${metadata.path.split("/").slice(1).join("/")}: ${metadata.file_name}`);
  assert.deepEqual(names.sort(), ["inner/two.png: two.png", "one.png: one.png"]);

  const many = Array.from({ length: 30 }, (_, i) => join(folder, `many-${i}.png`));
  for (const [i, path] of many.entries()) await writeFile(path, picture(100 + i, 640, 480));
  await choose(page, "#add-files", ...many);
  await page.waitForFunction(() => document.getElementById("add-list").childElementCount === 30 && document.getElementById("add-meter").value > 0);
  await page.click("#add-stop");
  await ended();
  const [, done, left] = (await page.$eval("#add-status", (status) => status.textContent)).match(/^(\d+) of 30, (\d+) left out/);
  assert.equal(Number(done) + Number(left), 30);
  assert.deepEqual(complaints, []);
});

test("two pictures are compared on the page", async (t) => {
  const eyrie = await filled(t);
  const files = await pictureFiles(t, [1, 2]);
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(t, browser, `${PAGE}/?collection=${eyrie.collection}`);
  await page.waitForSelector("#tab-compare", { visible: true });
  await page.click("#tab-compare");
  await choose(page, "#compare-a-file", files[1]);
  await choose(page, "#compare-b-file", files[2]);
  await page.waitForSelector("#compare-result", { visible: true });
  assert.equal(await page.$eval("#compare-verdict", (node) => node.textContent), "Looks alike");
  assert.equal(await page.$$eval("#panel-compare polygon", (all) => all.length), 0);

  await page.click("#tab-browse");
  await page.waitForSelector("#browse .card");
  await page.evaluate(() => [...document.querySelectorAll("#browse .card")].find((c) => c.textContent.includes("seed-1")).querySelector(".details").click());
  await page.waitForSelector("#details", { visible: true });
  await page.evaluate(() => [...document.querySelectorAll("#details button")].find((b) => b.textContent.startsWith("Compare")).click());
  await page.waitForSelector("#panel-compare", { visible: true });
  await choose(page, "#compare-b-file", files[1]);
  await page.waitForFunction(() => document.getElementById("compare-verdict").textContent === "Same picture");
  assert.equal(await page.$$eval("#panel-compare polygon", (all) => all.length), 2);
  await lookOver(page, "compare");
  assert.deepEqual(complaints, []);
});

test("duplicates are found, chosen and deleted on the page", async (t) => {
  const eyrie = await filled(t);
  await eyrie.add(picture(1, 480, 360, 1), { id: "again" });
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(t, browser, `${PAGE}/?collection=${eyrie.collection}`);
  await page.waitForSelector("#tab-duplicates", { visible: true });
  await page.click("#tab-duplicates");
  await lookOver(page, "duplicates empty");
  await page.click("#duplicates-start");
  await page.waitForSelector("#duplicates .tile");
  const ids = await page.$$eval("#duplicates .tile .name", (names) => names.map((name) => name.title));
  assert.deepEqual(ids, ["seed-1", "again"], "the oldest of two alike is the best");
  assert.ok(await page.$eval("#duplicates-delete", (button) => button.disabled));
  await lookOver(page, "duplicates");
  await page.click("#duplicates .group .small");
  await lookOver(page, "duplicates chosen");
  await page.click("#duplicates-delete");
  await page.waitForSelector("#confirm", { visible: true });
  assert.ok(await eyrie.get("again"), "nothing is deleted before it is confirmed");
  await page.click("#confirm-action");
  await page.waitForFunction(() => document.querySelectorAll("#duplicates .group").length === 0);
  await assert.rejects(eyrie.get("again"), { code: "unknown_image" });
  assert.ok(await eyrie.get("seed-1"));
  assert.deepEqual(complaints, []);
});

for (const look of LOOKS) {
  test(`the reference fits at ${look.width} px, ${look.scheme}, with a call open`, async (t) => {
    const browser = await startBrowser(t);
    const { page, complaints } = await openPage(t, browser, `${PAGE}/docs`, look);
    await page.waitForSelector(".opblock");
    await page.click("#operations-search-search .opblock-summary-control");
    await page.waitForSelector("#operations-search-search .opblock-body .responses-table");
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= window, `${content} px wide in a window of ${window}`);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]);
    assert.equal(ground < 128, look.scheme === "dark", "the ground is that of the scheme");
    assert.deepEqual(complaints, []);
  });
}
