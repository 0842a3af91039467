// A browser for the tests: pages whose complaints are counted, and axe to look them over.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import axe from "axe-core";
import puppeteer from "puppeteer-core";

import { picture } from "../../clients/js/test/server.js";

const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];

export async function startBrowser(t) {
  const executablePath = execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  const browser = await puppeteer.launch({ executablePath, args: ARGUMENTS });
  t.after(() => browser.close());
  return browser;
}

/** A page of this width and colour scheme; the test fails when it complains. */
export async function openPage(t, browser, url, { width = 1100, height = 900, scheme = "light", touch = false } = {}) {
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.setViewport({ width, height, hasTouch: touch, isMobile: touch });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  // Waiting is bounded by the machine's speed alone.
  page.setDefaultTimeout(120_000);
  await page.goto(url);
  return { page, complaints };
}

/** Nothing that axe calls serious or critical, and nothing to scroll sideways for. */
export async function lookOver(page, state) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const found = bad.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`).join("\n")}`);
  assert.equal(found.join("\n"), "", `${state}, ${page.viewport().width} px`);
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${state}: ${content} px wide in a window of ${window}`);
  if (process.env.EYRIE_SHOTS) {
    const scheme = await page.evaluate(() => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
    await page.screenshot({ path: join(process.env.EYRIE_SHOTS, `${state.replaceAll(" ", "-")}-${page.viewport().width}-${scheme}.png`) });
  }
}

/** Puts files into a file field. */
export async function choose(page, css, ...paths) {
  const input = await page.waitForSelector(css, { visible: false });
  await input.uploadFile(...paths);
}

/** Files with pictures, and one that is none. */
export async function pictureFiles(t, seeds) {
  const folder = await mkdtemp(join(tmpdir(), "eyrie-page-"));
  t.after(() => rm(folder, { recursive: true }));
  const files = {};
  for (const seed of seeds) {
    files[seed] = join(folder, `picture-${seed}.png`);
    await writeFile(files[seed], picture(seed, 480, 360));
  }
  files.broken = join(folder, "broken.png");
  await writeFile(files.broken, "this is no picture");
  return files;
}
