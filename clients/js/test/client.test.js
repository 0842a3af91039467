import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Eyrie, EyrieError } from "../src/index.js";
import { URL_OF_SERVICE, freshCollection, picture } from "./server.js";

/** The error of a call that must fail. */
async function failureOf(call) {
  const error = await call.then(() => null, (reason) => reason);
  assert.ok(error, "the call succeeded");
  return error;
}

test("a picture is added, found, read, changed and deleted", async (t) => {
  const eyrie = await freshCollection(t);
  const added = await eyrie.add(picture(1), { id: "one", metadata: { title: "One", year: 1979 } });
  assert.equal(added.id, "one");
  await eyrie.add(picture(2), { id: "two", metadata: { title: "Two" } });

  const found = await eyrie.search(picture(1), { k: 5 });
  assert.deepEqual(found.results.map(({ id }) => id), ["one", "two"]);
  assert.equal(found.results[0].verdict, "same");
  assert.equal(found.results[0].metadata.title, "One");

  const changed = await eyrie.update("one", { year: null, tag: "new" }, { ifMatch: added.revision });
  assert.deepEqual(changed.metadata, { title: "One", tag: "new" });
  assert.deepEqual(await eyrie.get("one"), changed);

  await eyrie.delete("one");
  assert.equal((await failureOf(eyrie.get("one"))).code, "unknown_image");
});

test("searches go by a stored picture, by a blob, by a descriptor's absence of sense, and take all options", async (t) => {
  const eyrie = await freshCollection(t);
  for (const seed of [1, 2, 3]) await eyrie.add(picture(seed), { id: `seed-${seed}`, metadata: { seed } });

  const by = await eyrie.search("seed-1", { k: 2, filter: { field: "seed", gte: 3 } });
  assert.deepEqual(by.results.map(({ id }) => id), ["seed-3"]);

  const folder = await mkdtemp(join(tmpdir(), "eyrie-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "query.png"), picture(2));
  const blob = await openAsBlob(join(folder, "query.png"));
  const options = { k: 1, minScore: 0.5, exact: true, verify: "never", include: ["record", "thumbnail"], filter: { field: "seed", in: [2, 3] } };
  const [best] = (await eyrie.search(blob, options)).results;
  assert.equal(best.record.id, "seed-2");
  assert.equal(best.verified, undefined);

  const twice = await eyrie.search([picture(2), picture(2)], { k: 1 });
  assert.deepEqual([twice.results[0].id, twice.results[0].match.query_image], ["seed-2", 1]);
  const part = await eyrie.search(picture(2), { region: [0, 0, 0.5, 1], k: 1 });
  assert.equal(part.results.length, 1);

  assert.equal((await failureOf(eyrie.search({ descriptor: [1, 2] }))).code, "descriptor_length");
});

test("a list goes on over its pages and stops where its reader does", async (t) => {
  const eyrie = await freshCollection(t);
  for (const seed of [1, 2, 3, 4, 5]) await eyrie.add(picture(seed, 64, 64), { id: `p${seed}`, metadata: { odd: seed % 2 === 1 } });
  const ids = async (options) => {
    const all = [];
    for await (const { id } of eyrie.list(options)) all.push(id);
    return all;
  };
  assert.deepEqual(await ids({ limit: 2 }), ["p1", "p2", "p3", "p4", "p5"]);
  assert.deepEqual(await ids({ filter: { field: "odd", eq: true } }), ["p1", "p3", "p5"]);
  assert.deepEqual(await ids({ sort: "-created", limit: 3 }), ["p5", "p4", "p3", "p2", "p1"]);
  for await (const { id } of eyrie.list({ limit: 1 })) if (id === "p2") break;
});

test("the same bytes are stored once, replaced or refused as asked", async (t) => {
  const eyrie = await freshCollection(t);
  const { id } = await eyrie.add(picture(7));
  assert.equal((await eyrie.add(picture(7))).id, id);
  const error = await failureOf(eyrie.add(picture(7), { onDuplicate: "reject" }));
  assert.deepEqual([error.status, error.code], [409, "duplicate_image"]);
  const replaced = await eyrie.add(picture(8), { id, replace: true });
  assert.ok(replaced.revision > 1);
  await assert.rejects(eyrie.add(picture(8), { replace: true }), TypeError);
});

test("a failure says what the service says", async (t) => {
  const eyrie = await freshCollection(t);
  const error = await failureOf(eyrie.add(new Blob(["no picture"])));
  assert.ok(error instanceof EyrieError);
  assert.equal(error.code, "not_an_image");
  assert.equal(error.status, error.problem.status);
  assert.ok(error.detail.length > 0 && error.message === error.detail);
  assert.match(error.requestId, /^[0-9a-f-]{36}$/);
});

test("a service that cannot be reached is a network failure", async () => {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  const error = await failureOf(new Eyrie(`http://127.0.0.1:${port}`).collections());
  assert.deepEqual([error.code, error.status], ["network", 0]);
});

test("an aborted call rejects with the reason of its signal", async (t) => {
  const eyrie = await freshCollection(t);
  const before = AbortSignal.abort(new Error("changed my mind"));
  assert.equal((await failureOf(eyrie.search(picture(1), { signal: before }))).message, "changed my mind");
  const under = new AbortController();
  const call = eyrie.add(picture(3, 900, 900), { signal: under.signal });
  under.abort();
  assert.equal((await failureOf(call)).name, "AbortError");
});

/** A server that answers as it is told to, once each, then passes on to the service under /below/. */
async function inBetween(t, answers) {
  const seen = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const some of request) chunks.push(some);
    seen.push(request);
    const answer = answers.shift();
    if (answer) {
      response.writeHead(answer.status, answer.headers).end(answer.body);
      return;
    }
    const { host, connection, "content-length": _, ...headers } = request.headers;
    const body = chunks.length ? Buffer.concat(chunks) : undefined;
    const real = await fetch(`${URL_OF_SERVICE}${request.url.slice("/below".length)}`, { method: request.method, headers, body });
    response.writeHead(real.status, { "content-type": real.headers.get("content-type") }).end(await real.text());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}/below`, seen };
}

const OVERLOADED = { status: 503, headers: { "retry-after": "0" }, body: JSON.stringify({ code: "overloaded", detail: "full" }) };

test("an overloaded service is asked again, under a path and with the key", async (t) => {
  const real = await freshCollection(t);
  await real.add(picture(1), { id: "one" });
  const { url, seen } = await inBetween(t, [OVERLOADED]);
  const eyrie = new Eyrie(url, { apiKey: "secret", collection: real.collection });
  assert.equal((await eyrie.search(picture(1))).results[0].id, "one");
  assert.equal(seen.length, 2);
  assert.equal(seen[1].headers.authorization, "Bearer secret");
  const { thumbnail_url: path } = await real.get("one");
  const thumbnail = await eyrie.picture(`/below${path}`);
  assert.deepEqual([thumbnail.type, seen[2].headers.authorization], ["image/jpeg", "Bearer secret"]);
  assert.equal((await failureOf(eyrie.picture(`/below${path.replace("one", "two")}`))).code, "unknown_image");
  assert.equal(seen[1].url, `/below/v1/collections/${real.collection}/search`);
  assert.equal(eyrie.url("/below/x?v=1"), new URL("/below/x?v=1", url).href);

  const { url: full } = await inBetween(t, [OVERLOADED, OVERLOADED]);
  assert.equal((await failureOf(new Eyrie(full, { retries: 1 }).collections())).code, "overloaded");
});

test("an answer that is not the service's is a failure with its status", async (t) => {
  const { url } = await inBetween(t, [{ status: 502, headers: {}, body: "<h1>Bad gateway</h1>" }]);
  const error = await failureOf(new Eyrie(url).collections());
  assert.deepEqual([error.status, error.code], [502, ""]);
});

test("results carry what is chosen, and one of each group", async (t) => {
  const eyrie = await freshCollection(t);
  for (const seed of [1, 2, 3]) await eyrie.add(picture(seed), { id: `seed-${seed}`, metadata: { odd: seed % 2 === 1 } });
  for (const query of [picture(1), "seed-1"]) {
    const { results } = await eyrie.search(query, { fields: ["score", "metadata"], verify: "never" });
    assert.deepEqual(Object.keys(results[0]).sort(), ["id", "metadata", "rank", "score"]);
    const grouped = await eyrie.search(query, { groupBy: "odd", fields: [] });
    assert.equal(grouped.results.length, 2);
    assert.deepEqual(Object.keys(grouped.results[1]).sort(), ["id", "rank"]);
  }
});

test("two pictures are compared", async (t) => {
  const eyrie = await freshCollection(t);
  await eyrie.add(picture(1), { id: "one" });
  const same = await eyrie.compare("one", picture(1));
  assert.equal(same.verdict, "same");
  assert.equal(same.a.width, 320);
  const other = await eyrie.compare(picture(1), picture(2), { profile: "fast", include: ["overlay"] });
  assert.ok(other.score < same.score && other.overlay.startsWith("data:image/png"));
});
