// What a program in TypeScript may write; it is compiled and not run.

import { Eyrie, EyrieError, type Hit, type SearchOptions } from "../src/index.js";

export async function program(file: File, signal: AbortSignal): Promise<string[]> {
  const eyrie = new Eyrie("https://eyrie.example", { apiKey: "key" }).in("shop");
  const options: SearchOptions = { k: 3, filter: { field: "year", gte: 1979 }, region: [0, 0, 0.5, 1], signal, onProgress: (sent) => sent * 100 };
  try {
    const { results } = await eyrie.search(file, options);
    await eyrie.add(new Uint8Array(3), { metadata: { title: "a", nested: { deep: [1, null] } }, onDuplicate: "reject" });
    for await (const image of eyrie.list({ limit: 5 })) image.width.toFixed();
    const comparison = await eyrie.compare("a", file);
    comparison.a.outline_in_other?.map(([x, y]) => x + y);
    // @ts-expect-error there is no such verdict
    if (comparison.verdict === "equal") return [];
    // @ts-expect-error it is a number
    await eyrie.search("id", { k: "many" });
    const [chosen] = (await eyrie.search("id", { fields: ["score", "inliers"], groupBy: "product" })).results;
    chosen?.score.toFixed();
    // @ts-expect-error it is there only where something was verified
    chosen?.inliers.toFixed();
    // @ts-expect-error it was not chosen
    chosen?.metadata;
    for await (const { id } of eyrie.list({ sort: "-created" })) id.trim();
    return results.map((hit: Hit) => `${hit.id} ${hit.score.toFixed()} ${hit.match?.quad_in_result.length ?? 0}`);
  } catch (error) {
    if (error instanceof EyrieError && error.code === "overloaded") return [String(error.retryAfter)];
    throw error;
  }
}
