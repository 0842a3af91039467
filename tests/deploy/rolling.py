"""An old and a new Eyrie on one Postgres at once: nothing that either acknowledged is lost, and each finds what the other stored.

    scripts/postgres run python3 tests/deploy/rolling.py OLD NEW [--seconds 20]

OLD and NEW are binaries whose models are the same. OLD serves an empty database and takes pictures without a pause, from now to the end.
Two NEW start on it at the same moment, so that both would migrate. All three take pictures, change and delete them, and each is asked for
what the others stored. Then OLD is ended, and what was acknowledged is compared with what is there, and what is there with the counts
that quotas go by. Python's standard library alone.
"""

import argparse
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

COLLECTION = "/v1/collections/default"


def png(seed, side=96, zoom=1):
    """A picture of rectangles, another one for each seed; each of its pixels is a square of `zoom` by `zoom`."""
    draw = random.Random(seed)
    rows = [bytearray(3 * side) for _ in range(side)]
    for _ in range(30):
        left, top, colour = draw.randrange(side), draw.randrange(side), bytes(draw.randrange(256) for _ in range(3))
        for row in rows[top : top + draw.randrange(4, 40)]:
            right = min(side, left + draw.randrange(4, 40))
            row[3 * left : 3 * right] = colour * (right - left)
    rows = [b"".join(row[at : at + 3] * zoom for at in range(0, 3 * side, 3)) for row in rows for _ in range(zoom)]
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    header = struct.pack(">IIBBBBB", side * zoom, side * zoom, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class Server:
    def __init__(self, name, binary, folder, database):
        self.name, self.log = name, Path(folder, f"{name}.log")
        environment = {**os.environ, "EYRIE_BIND": "127.0.0.1:0", "EYRIE_DATA_DIR": str(Path(folder, name)), "EYRIE_DATABASE_URL": database}
        self.process = subprocess.Popen([binary, "serve"], env=environment, stderr=self.log.open("w"))

    def listening(self):
        deadline = time.monotonic() + 60
        while not (found := re.search(r" listening address=(127\.0\.0\.1:\d+) ", self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{self.name} does not start:\n{self.log.read_text()}")
            time.sleep(0.05)
        self.url = f"http://{found[1]}"
        return self

    def call(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(self.url + path, body, {"Content-Type": kind} if body else {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def must(self, *call):
        status, answer = self.call(*call)
        if not 200 <= status < 300:
            sys.exit(f"{self.name}: {call[0]} {call[1]}: {status} {answer}")
        return answer

    def end(self):
        self.process.terminate()
        if self.process.wait(60) != 0:
            sys.exit(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text()}")


class Writer(threading.Thread):
    """Adds pictures at one server until it is told to end; deletes each fifth, changes each seventh."""

    def __init__(self, server, seeds):
        super().__init__()
        self.server, self.seeds, self.ending = server, seeds, threading.Event()
        self.there, self.gone, self.failed = {}, set(), []

    def run(self):
        for seed in self.seeds:
            if self.ending.is_set():
                return
            try:
                self.write(seed)
            except (SystemExit, OSError) as error:
                self.failed.append(f"{self.server.name}, picture {seed}: {error}")
                return

    def write(self, seed):
        record = self.server.must("POST", f"{COLLECTION}/images", png(seed), "image/png")
        path = f"{COLLECTION}/images/{record['id']}"
        if seed % 5 == 0:
            self.server.must("DELETE", path)
            self.gone.add(record["id"])
            return
        if seed % 7 == 0:
            self.server.must("PATCH", path, json.dumps({"metadata": {"seed": seed}}).encode(), "application/merge-patch+json")
        self.there[record["id"]] = seed


def found_by(server, id, seed):
    """Whether a server finds a picture that another one has acknowledged, within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        results = server.must("POST", f"{COLLECTION}/search?k=3&exact=true&verify=never", png(seed), "image/png")["results"]
        if any(result["id"] == id for result in results):
            return True
        time.sleep(0.1)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--seconds", type=float, default=20, help="how long old and new serve together")
    options = parser.parse_args()
    database = os.environ["EYRIE_TEST_POSTGRES_URL"]
    with tempfile.TemporaryDirectory(prefix="eyrie-rolling-") as folder:
        old = Server("old", options.old, folder, database).listening()
        writers = [Writer(old, range(0, 1_000_000, 3))]
        writers[0].start()
        while len(writers[0].there) < 20 and not writers[0].failed:
            time.sleep(0.05)
        before = len(writers[0].there)
        start = time.monotonic()
        new = [Server(name, options.new, folder, database) for name in ("new-1", "new-2")]
        new = [server.listening() for server in new]
        print(f"two new servers listen {time.monotonic() - start:.1f} s after they were started; old took {before} pictures before and "
              f"{len(writers[0].there) - before} meanwhile")
        writers += [Writer(server, range(at, 1_000_000, 3)) for at, server in enumerate(new, 1)]
        for writer in writers[1:]:
            writer.start()
        time.sleep(options.seconds)
        for writer in writers:
            writer.ending.set()
            writer.join()
        failures = [failure for writer in writers for failure in writer.failed]
        for writer in writers:
            id, seed = list(writer.there.items())[-1]
            failures += [f"{server.name} does not find {id} of {writer.server.name}" for server in (old, *new) if not found_by(server, id, seed)]
        old.end()
        there = {id: seed for writer in writers for id, seed in writer.there.items()}
        stored, cursor = {}, ""
        while True:
            page = new[0].must("GET", f"{COLLECTION}/images?limit=500{cursor}")
            stored.update({image["id"]: image for image in page["images"]})
            if not page.get("next_cursor"):
                break
            cursor = f"&cursor={page['next_cursor']}"
        # By the counts that quotas go by, which old servers know nothing of.
        counted = new[0].must("GET", COLLECTION)
        expected = {"images": len(stored), "bytes": sum(image["byte_size"] for image in stored.values())}
        failures += [f"counted are {counted[what]} {what} of {there_are}" for what, there_are in expected.items() if counted[what] != there_are]
        failures += [f"{id} was acknowledged and is not there" for id in there.keys() - stored.keys()]
        failures += [f"{id} is there and nobody knows of it" for id in stored.keys() - there.keys()]
        failures += [f"{id} was changed and is not" for id, seed in there.items() if seed % 7 == 0 and id in stored
                     and stored[id].get("metadata") != {"seed": seed}]
        for server in (old, *new):
            log = server.log.read_text()
            # Versions may look at pictures in different ways; such pictures are found by their descriptors.
            complaints = [line for line in log.splitlines() if " ERROR " in line or " WARN " in line]
            failures += [f"{server.name}: {line}" for line in complaints if "stored local features cannot be read" not in line]
        for server in new:
            server.end()
        print(f"together for {options.seconds:.0f} s: " + ", ".join(f"{w.server.name} took {len(w.there) + len(w.gone)}" for w in writers)
              + f"; {len(there)} are there, {sum(len(w.gone) for w in writers)} were deleted")
        if failures:
            sys.exit("\n".join(failures))
        print("nothing is lost, and each finds what the others stored")


if __name__ == "__main__":
    main()
