import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = (tool, ...args) => execFileSync(here(`../node_modules/.bin/${tool}`), args, { cwd: here(".."), encoding: "utf8" });

test("the types are those of the contract", () => {
  const generated = run("openapi-typescript", "../../openapi.yaml");
  assert.ok(generated === readFileSync(here("../src/schema.d.ts"), "utf8"), "src/schema.d.ts is out of date: npm run generate");
});

test("a program in TypeScript compiles against the types", () => {
  run("tsc", "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "test/types.ts");
});

test("the element is small", () => {
  assert.ok(statSync(here("../examples/eyrie-search.js")).size <= 10_000);
});
