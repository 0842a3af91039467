import assert from "node:assert/strict";
import { test } from "node:test";

import { Window } from "happy-dom";

import { freshCollection, picture } from "./server.js";

const window = new Window();
Object.assign(globalThis, { window, document: window.document, navigator: window.navigator, IS_REACT_ACT_ENVIRONMENT: true });
const { act, createElement } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useEyrieSearch } = await import("../examples/use-eyrie-search.js");

/** The hook in a component that shows nothing; `hook.now` is what it last gave. */
async function mounted(t, eyrie, options) {
  const hook = {};
  const Component = () => {
    hook.now = useEyrieSearch(eyrie, options);
    return null;
  };
  const root = createRoot(window.document.createElement("div"));
  await act(async () => root.render(createElement(Component)));
  t.after(() => act(async () => root.unmount()));
  return hook;
}

test("the hook searches, says that it is busy, and what came of it", async (t) => {
  const eyrie = await freshCollection(t);
  await eyrie.add(picture(1), { id: "one" });
  const hook = await mounted(t, eyrie, { k: 3 });
  assert.deepEqual([hook.now.results, hook.now.busy, hook.now.error], [null, false, null]);

  let search;
  await act(async () => {
    search = hook.now.search(picture(1));
  });
  assert.equal(hook.now.busy, true);
  await act(() => search);
  assert.equal(hook.now.busy, false);
  assert.deepEqual(hook.now.results.map(({ id }) => id), ["one"]);

  await act(() => hook.now.search("nobody"));
  assert.equal(hook.now.error.code, "unknown_image");
  assert.equal(hook.now.results, null);
});

test("a search that is overtaken or cancelled says nothing any more", async (t) => {
  const eyrie = await freshCollection(t);
  for (const seed of [1, 2]) await eyrie.add(picture(seed), { id: `seed-${seed}` });
  const hook = await mounted(t, eyrie, { k: 1 });
  await act(async () => {
    const first = hook.now.search(picture(1));
    await Promise.all([first, hook.now.search(picture(2))]);
  });
  assert.deepEqual(hook.now.results.map(({ id }) => id), ["seed-2"]);

  await act(async () => {
    const search = hook.now.search(picture(1));
    hook.now.cancel();
    await search;
  });
  assert.deepEqual([hook.now.busy, hook.now.results, hook.now.error], [false, null, null]);
});
