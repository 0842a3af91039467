// The page of a service that asks for a key.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Eyrie } from "../../clients/js/src/index.js";
import { picture } from "../../clients/js/test/server.js";
import { choose, lookOver, openPage, pictureFiles, startBrowser } from "./browser.js";
import { otherOrigin } from "./origin.js";

/** scripts/test-clients starts a second service, whose admin key is this one. */
const { EYRIE_KEYED_URL: KEYED, EYRIE_KEYED_KEY: KEY } = process.env;
if (!KEYED || !KEY) throw new Error("set EYRIE_KEYED_URL and EYRIE_KEYED_KEY, or run scripts/test-clients");

async function keyedCollection(t) {
  const collection = `page-${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
  const eyrie = new Eyrie(KEYED, { collection, apiKey: KEY });
  await eyrie.createCollection({ profile: "fast" });
  t.after(() => eyrie.deleteCollection());
  for (const seed of [1, 2]) await eyrie.add(picture(seed, 480, 360), { id: `seed-${seed}` });
  return eyrie;
}

async function type(page, key) {
  await page.waitForSelector("#key", { visible: true });
  await page.type("#key-text", key);
  await page.keyboard.press("Enter");
}

test("the page asks for a key, uses it for everything and forgets it", async (t) => {
  const eyrie = await keyedCollection(t);
  const files = await pictureFiles(t, [2, 3]);
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(t, browser, `${KEYED}/?collection=${eyrie.collection}`);
  await page.waitForSelector("#key", { visible: true });
  await lookOver(page, "key");
  await type(page, "eyrie_wrong");
  await page.waitForSelector("#key-wrong", { visible: true });
  await lookOver(page, "wrong key");
  await type(page, KEY);
  await page.waitForFunction((name) => document.getElementById("collection").value === name, {}, eyrie.collection);

  await choose(page, "#search-file", files[2]);
  await page.waitForFunction(() => document.querySelectorAll("#results .card").length === 2);
  // Pictures are fetched with the key.
  await page.waitForFunction(() => [...document.querySelectorAll("#results img")].every((img) => img.naturalWidth > 0));
  await page.click("#tab-add");
  await choose(page, "#add-files", files[3]);
  await page.waitForFunction(() => document.getElementById("add-list").childElementCount === 1 && document.getElementById("add-stop").hidden);
  let stored = 0;
  for await (const _ of eyrie.list()) stored += 1;
  assert.equal(stored, 3);

  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]));
  assert.ok(!kept.includes(KEY), kept);
  await page.reload();
  await page.waitForSelector("#key", { visible: true });
  await page.keyboard.press("Escape");
  await page.waitForSelector("#problem", { visible: true });
  await page.click("#key-change");
  await type(page, KEY);
  await page.waitForFunction((name) => document.getElementById("collection").value === name, {}, eyrie.collection);
  // What is asked for on purpose: calls without a key, or with a wrong one.
  assert.deepEqual(complaints.filter((line) => !/status of 401/.test(line)), []);
});

/** A key that searches in one collection, from the pages of one origin. */
async function publishedKey(collection, origin) {
  const made = await fetch(`${KEYED}/v1/keys`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ label: "page", scope: "search", collections: [collection], origins: [origin] }),
  });
  return (await made.json()).secret;
}

test("the shop on another origin searches with a key that is published for it", async (t) => {
  const eyrie = await keyedCollection(t);
  const files = await pictureFiles(t, [2]);
  const origin = await otherOrigin(t);
  const query = new URLSearchParams({ eyrie: KEYED, collection: eyrie.collection, key: await publishedKey(eyrie.collection, origin) });
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(t, browser, `${origin}/examples/shop/?${query}`);
  await page.waitForFunction(() => document.getElementById("status").textContent.startsWith("Take a photo"));
  await choose(page, "#photo", files[2]);
  await page.waitForFunction(() => document.querySelector("#products .exact")?.parentElement.textContent.includes("seed-2"));
  await page.waitForFunction(() => [...document.querySelectorAll("#products img")].every((img) => img.naturalWidth > 0));
  // The list is asked for, and refused, once.
  assert.deepEqual(complaints.filter((line) => !/status of 403/.test(line)), []);
});

test("the custom element on another origin searches with a key that is published for it", async (t) => {
  const eyrie = await keyedCollection(t);
  const files = await pictureFiles(t, [2]);
  const pages = {};
  const origin = await otherOrigin(t, pages);
  const secret = await publishedKey(eyrie.collection, origin);
  pages["/"] = `<!doctype html><html lang="en"><title>A page</title><link rel="icon" href="data:,"><main><h1>A page</h1>
    <eyrie-search url="${KEYED}" collection="${eyrie.collection}" key="${secret}" k="2"></eyrie-search></main>
    <script type="module" src="/clients/js/examples/eyrie-search.js"></script></html>`;
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(t, browser, `${origin}/`);
  await page.waitForSelector("eyrie-search >>> input");
  await (await page.$("eyrie-search >>> input")).uploadFile(files[2]);
  await page.waitForFunction(() => {
    const pictures = [...document.querySelector("eyrie-search").shadowRoot.querySelectorAll("img")];
    return pictures.length === 2 && pictures.every((img) => img.naturalWidth > 0);
  });
  assert.deepEqual(complaints, []);
});
