import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { generated } from "../generate.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test("the types are those of the contract", async () => {
  assert.ok((await generated()) === readFileSync(here("../src/schema.d.ts"), "utf8"), "src/schema.d.ts is out of date: npm run generate");
});

test("a program in TypeScript compiles against the types", () => {
  execFileSync("npm", ["run", "--silent", "types"], { cwd: here(".."), stdio: "inherit" });
});

test("the element is small", () => {
  assert.ok(statSync(here("../examples/eyrie-search.js")).size <= 10_000);
});
