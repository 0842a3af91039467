"""Ten times the load that a server can bear: what becomes of the requests, of the memory, and afterwards.

    overload.py --eyrie target/release/eyrie --pictures FOLDER [--minutes 10] [--times 10] [--json FILE]

1. 100 pictures are stored, then as many clients as there are processors search by image, one search after another: the sustainable rate.
2. For the given minutes so many times this rate arrive, whether or not answers come (open loop), each on a connection of
   its own; four in five search, one in five adds a picture. A status other than 200, 201, 429 or 503 is an error.
3. Searches for 30 seconds afterwards, one after another: the recovery is the time until one is answered in at most twice what
   the last ones take.
"""

import asyncio
import json
import os
import random
import time
from collections import Counter

from service import ask, must, percentile, request, run

COLLECTION = "/v1/collections/load"


async def measure(server, images, minutes, times):
    port = server.port
    await must(port, request("PUT", COLLECTION, b'{"profile": "fast"}'))
    for image in images[:100]:
        await must(port, request("POST", f"{COLLECTION}/images", image, "image/jpeg"))
    searches = [request("POST", f"{COLLECTION}/search?k=10", image, "image/jpeg") for image in images[:100]]

    async def client(end, took):
        while time.monotonic() < end:
            status, head, _, seconds = await ask(port, random.choice(searches))
            assert status == 200, head
            took.append(seconds)

    idle = []
    await client(time.monotonic() + 5, idle)
    took, start = [], time.monotonic()
    await asyncio.gather(*(client(start + 20, took) for _ in range(os.cpu_count())))
    sustainable = len(took) / (time.monotonic() - start)
    print(f"alone: median {percentile(idle, 0.5) * 1e3:.0f} ms; sustainable: {sustainable:.1f} searches a second, "
          f"p99 {percentile(took, 0.99) * 1e3:.0f} ms; {server.held()}", flush=True)

    counts, accepted, refused, waits, held, serial = Counter(), {"search": [], "add": []}, [], [], [], iter(range(10**9))
    under_way = set()

    async def one():
        # A new picture each: the same bytes again are not described again.
        number = next(serial)
        kind = "add" if number % 5 == 0 else "search"
        image = images[number % len(images)] + number.to_bytes(8)
        data = request("POST", f"{COLLECTION}/images", image, "image/jpeg") if kind == "add" else random.choice(searches)
        status, head, _, seconds = await ask(port, data)
        counts[kind, status] += 1
        if status in (200, 201):
            accepted[kind].append(seconds)
        else:
            refused.append(seconds)
            waits.extend(line for line in head.split("\r\n") if line.lower().startswith("retry-after"))

    start, due, second = time.monotonic(), 0.0, 0
    while (now := time.monotonic() - start) < minutes * 60:
        while due <= now:
            task = asyncio.create_task(one())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due += 1 / (times * sustainable)
        if now >= second:
            held.append(server.held())
            second += 1
            if second % 60 == 0:
                print(f"{second:>4} s  {dict(counts)}  {held[-1]}", flush=True)
        await asyncio.sleep(0.002)
    load_ended, afterwards = time.monotonic(), []
    while time.monotonic() - load_ended < 30:
        status, _, _, seconds = await ask(port, searches[0])
        afterwards.append((time.monotonic() - load_ended, status, seconds))
    # There are more pictures than before, so a search takes longer than the first ones did.
    usual = percentile([seconds for _, _, seconds in afterwards[-20:]], 0.5)
    recovery = next(at for at, status, seconds in afterwards if status == 200 and seconds <= 2 * usual)
    await asyncio.gather(*under_way)
    return {
        "sustainable_per_second": sustainable,
        "alone_ms": percentile(idle, 0.5) * 1e3,
        "sustainable_p99_ms": percentile(took, 0.99) * 1e3,
        "asked": sum(counts.values()),
        "asked_per_second": sum(counts.values()) / (minutes * 60),
        "statuses": {f"{kind} {status}": n for (kind, status), n in sorted(counts.items())},
        **{f"accepted_{kind}_ms": {p: percentile(accepted[kind], p) * 1e3 for p in (0.5, 0.99, 1)} for kind in accepted},
        "refused_ms": {p: percentile(refused, p) * 1e3 for p in (0.5, 0.99, 1)},
        "retry_after": dict(Counter(waits).most_common(5)),
        "most_held": {name: max(h[name] for h in held) for name in held[0]},
        "held_afterwards": server.held(),
        "recovery_seconds": recovery,
    }


if __name__ == "__main__":
    result = run(__doc__, measure, {"minutes": (10, "how long"), "times": (10, "the load, in sustainable rates")})
    print(json.dumps(result, indent=1))
