// The service that the tests run against, and pictures for it.

import { deflateSync } from "node:zlib";

import { Eyrie } from "../src/index.js";

/** Where it is: scripts/test-clients starts one. */
export const URL_OF_SERVICE = process.env.EYRIE_URL;
if (!URL_OF_SERVICE) throw new Error("set EYRIE_URL to a running Eyrie, or run scripts/test-clients");

/** A client in a fresh collection, which is deleted after the test. */
export async function freshCollection(t, options = {}) {
  const collection = `js-${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
  const eyrie = new Eyrie(URL_OF_SERVICE, { collection, ...options });
  await eyrie.createCollection({ profile: "fast", description: "a test of the JavaScript client" });
  t.after(() => eyrie.deleteCollection());
  return eyrie;
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function chunk(kind, content) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), content]);
  const crc = body.reduce((sum, byte) => CRC[(sum ^ byte) & 255] ^ (sum >>> 8), 0xffffffff) ^ 0xffffffff;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const end = Buffer.alloc(4);
  end.writeUInt32BE(crc >>> 0);
  return Buffer.concat([length, body, end]);
}

/** A picture with much to see, as a PNG; each seed has another one, each level of compression other bytes for the same pixels. */
export function picture(seed, width = 320, height = 240, level = 6) {
  let state = (Math.imul(seed, 2654435761) + 77) >>> 0;
  const next = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 10) % below;
  };
  const rows = Buffer.alloc((3 * width + 1) * height);
  for (let shape = 0; shape < 120; shape += 1) {
    const [red, green, blue] = [next(256), next(256), next(256)];
    const [x, y, wide, high] = [next(width), next(height), 4 + next(28), 4 + next(28)];
    for (let row = Math.max(0, y - high); row < Math.min(height, y + high); row += 1) {
      for (let column = Math.max(0, x - wide); column < Math.min(width, x + wide); column += 1) {
        const inside = ((column - x) / wide) ** 2 + ((row - y) / high) ** 2 <= 1;
        if (shape % 3 === 0 || inside) rows.set([red, green, blue], row * (3 * width + 1) + 1 + 3 * column);
      }
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(rows, { level })), chunk("IEND", Buffer.alloc(0))]);
}
