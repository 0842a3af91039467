"""An hour of everything at once: does the server hold more and more?

    mixed.py --eyrie target/release/eyrie --pictures FOLDER [--minutes 60] [--pause 0.2] [--json FILE]

One client after another, each with a pause: adds, searches by image and by id, lists, reads, deletes, replaced metadata, bad input
(no picture, cut pictures, wrong JSON), clients that go away in the middle. There are never more than 500 pictures. Each minute what
the server holds is printed; an answer of 500 and above is an error.
"""

import asyncio
import json
import random
import time
from collections import Counter

from service import ask, must, request, run

COLLECTION = "/v1/collections/load"
MOST = 500


async def measure(server, images, minutes, pause):
    port, draw, serial, ids, counts, held = server.port, random.Random(1), 0, [], Counter(), []
    await must(port, request("PUT", COLLECTION, b'{"profile": "fast"}'))

    async def done(what, data, expected):
        status, head, body, _ = await ask(port, data)
        counts[what, status] += 1
        if status not in expected:
            raise SystemExit(f"{what}: {head}\n{body[:500]!r}\n{server.log.read_text()[-2000:]}")
        return json.loads(body) if body and b"json" in head.lower().encode() else None

    async def gone(data):
        """A client that goes away in the middle of its request, or before the answer."""
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data[: draw.choice([len(data) // 2, len(data)])])
        await writer.drain()
        await asyncio.sleep(draw.random() * 0.05)
        writer.transport.abort()
        counts["gone", "-"] += 1

    start, minute = time.monotonic(), 0
    while (now := time.monotonic() - start) < minutes * 60:
        serial += 1
        image = draw.choice(images)
        kind = draw.choices(["add", "search", "similar", "list", "read", "delete", "patch", "bad", "gone"], [25, 25, 8, 8, 8, 10, 5, 8, 3])[0]
        if kind == "add" and len(ids) < MOST:
            # Other bytes, the same picture.
            record = await done("add", request("POST", f"{COLLECTION}/images", image + serial.to_bytes(8), "image/jpeg"), [201])
            ids.append(record["id"])
        elif kind == "search":
            await done("search", request("POST", f"{COLLECTION}/search?k=20", image, "image/jpeg"), [200])
        elif kind == "list":
            await done("list", request("GET", f"{COLLECTION}/images?limit=100"), [200])
        elif kind == "bad":
            path, body, kind_of_body, expected = draw.choice([
                ("images", image[: len(image) // 3], "image/jpeg", [400, 415, 422]),
                ("images", b"no picture at all", "image/png", [400, 415, 422]),
                ("search", b'{"id": ', "application/json", [400]),
                ("search?k=-1", image, "image/jpeg", [400]),
                ("images:batch", b"--x\r\n", "multipart/form-data; boundary=x", [400]),
            ])
            await done("bad", request("POST", f"{COLLECTION}/{path}", body, kind_of_body), expected)
        elif kind == "gone":
            await gone(request("POST", f"{COLLECTION}/search", image, "image/jpeg"))
        elif ids:
            one = draw.choice(ids)
            if kind == "delete" or kind == "add":
                ids.remove(one)
                await done("delete", request("DELETE", f"{COLLECTION}/images/{one}"), [204])
            elif kind == "similar":
                await done("similar", request("GET", f"{COLLECTION}/images/{one}/similar"), [200])
            elif kind == "read":
                await done("read", request("GET", f"{COLLECTION}/images/{one}"), [200])
                await done("thumbnail", request("GET", f"{COLLECTION}/images/{one}/thumbnail"), [200])
            else:
                body = json.dumps({"metadata": {"serial": serial}}).encode()
                await done("patch", request("PATCH", f"{COLLECTION}/images/{one}", body, "application/merge-patch+json"), [200])
        if now >= minute * 60:
            held.append({"minute": minute, **server.held(), "pictures": len(ids), "requests": sum(counts.values())})
            print(json.dumps(held[-1]), flush=True)
            minute += 1
        await asyncio.sleep(draw.random() * 2 * pause)
    held.append({"minute": minutes, **server.held(), "pictures": len(ids), "requests": sum(counts.values())})
    return {"statuses": {f"{what} {status}": n for (what, status), n in sorted(counts.items(), key=str)}, "held": held}


if __name__ == "__main__":
    result = run(__doc__, measure, {"minutes": (60, "how long"), "pause": (0.2, "mean seconds between two requests")})
    print(json.dumps(result["statuses"], indent=1))
