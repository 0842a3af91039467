// Pages of other people that use the client: the custom element, and the shop.

import assert from "node:assert/strict";
import { test } from "node:test";

import { URL_OF_SERVICE, freshCollection, picture } from "../../clients/js/test/server.js";
import { choose, lookOver, openPage, pictureFiles, startBrowser } from "./browser.js";
import { otherOrigin } from "./origin.js";

async function shopCollection(t) {
  const eyrie = await freshCollection(t);
  for (const seed of [1, 2, 3]) {
    await eyrie.add(picture(seed, 480, 360), { id: `product-${seed}`, metadata: { title: `Product ${seed}`, price: 10 * seed } });
  }
  return eyrie;
}

test("a customer finds a product by a photo in a shop on another origin", async (t) => {
  const eyrie = await shopCollection(t);
  const files = await pictureFiles(t, [2]);
  const origin = await otherOrigin(t);
  const browser = await startBrowser(t);
  const address = `${origin}/examples/shop/?eyrie=${encodeURIComponent(URL_OF_SERVICE)}&collection=${eyrie.collection}`;
  const { page, complaints } = await openPage(t, browser, address, { width: 360, height: 740, touch: true });
  await page.waitForFunction(() => document.querySelectorAll("#products li").length === 3);
  await lookOver(page, "shop");
  await choose(page, "#photo", files[2]);
  await page.waitForFunction(() => document.querySelector("#products .exact")?.parentElement.textContent.includes("Product 2"));
  await lookOver(page, "shop found");
  await page.click("#all");
  await page.waitForFunction(() => document.querySelectorAll("#products li").length === 3);
  assert.deepEqual(complaints, []);
});

test("the custom element shows what looks like a picture and says what was chosen", async (t) => {
  const eyrie = await shopCollection(t);
  const files = await pictureFiles(t, [3]);
  const host = `<!doctype html><html lang="en"><title>A page</title><link rel="icon" href="data:,"><main><h1>A page</h1>
    <eyrie-search url="${URL_OF_SERVICE}" collection="${eyrie.collection}" k="2"></eyrie-search></main>
    <script type="module" src="/clients/js/examples/eyrie-search.js"></script></html>`;
  const origin = await otherOrigin(t, { "/": host });
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(t, browser, `${origin}/`);
  await page.waitForSelector("eyrie-search >>> input");
  const input = await page.$("eyrie-search >>> input");
  await input.uploadFile(files[3]);
  await page.waitForFunction(() => document.querySelector("eyrie-search").shadowRoot.querySelectorAll("li").length === 2);
  await lookOver(page, "element");
  await page.evaluate(() => document.addEventListener("eyrie-choose", ({ detail }) => { globalThis.chosen = detail.id; }));
  await page.click("eyrie-search >>> button");
  assert.equal(await page.evaluate(() => globalThis.chosen), "product-3");
  assert.deepEqual(complaints, []);
});
