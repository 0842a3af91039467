"""What others wait while hostile input comes: their 99th percentile with it and without.

    hostile.py --eyrie target/release/eyrie --pictures FOLDER [--seconds 60] [--rounds 2] [--largest 0] [--json FILE]

100 pictures are stored. Then quiet and hostile phases take turns. In each of them others go on asking, whether or not answers come (open
loop), each on a connection of its own: four searches by image and twenty reads a second, of records and of what is similar by id. In the
hostile ones four connections play through what tests/integration/hostile has the groups of, without a pause and in any order, while 200
more are idle, 8 send a head, 8 a body of a picture byte by byte, and 4 read no answer. The two sides have different addresses, as behind a
proxy, and different keys, so that the service can tell them apart; what is hostile has a key that may search, read and write, or a forged
one. With --largest 1 a picture of 49 million pixels, nearly as large as is allowed, is among the inputs: it is no attack, but nothing takes
longer. Others have to get a 200, and no hostile input a 5xx but for an overload.
"""

import asyncio
import gzip
import io
import json
import random
import struct
import tarfile
import time
import zipfile
import zlib
from collections import Counter

from service import KEY, ask, must, percentile, request, run

COLLECTION = "/v1/collections/load"
OTHERS, ATTACKER = b"198.51.100.1", b"203.0.113.1"
AUTHORIZED = f"Authorization: Bearer {KEY}\r\n"


def sent_by(address, data, key=KEY):
    """A request as a proxy hands it on, with another key in place of the administrator's."""
    line, found, rest = data.replace(KEY.encode(), key.encode()).partition(b"\r\n")
    return line + b"\r\nX-Forwarded-For: " + address + b"\r\n" + rest if found else data


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ihdr(width, height, depth=8, colour=2, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def black(width, height):
    return png(ihdr(width, height), chunk(b"IDAT", zlib.compress(bytes((3 * width + 1) * height), 9)), chunk(b"IEND", b""))


def zipped(name, content):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr(name, content)
    return archive.getvalue()


def tarred(name, kind=tarfile.REGTYPE, link="", content=b""):
    archive, info = io.BytesIO(), tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    with tarfile.open(fileobj=archive, mode="w") as writer:
        writer.addfile(info, io.BytesIO(content))
    return archive.getvalue()


def pictures_that_are_none(jpeg):
    """Bombs, liars, polyglots."""
    small = black(64, 64)
    idat, end, full = chunk(b"IDAT", zlib.compress(bytes(1 << 20), 9)), chunk(b"IEND", b""), zlib.compress(bytes(60 << 20), 9)
    size = jpeg.index(b"\xff\xc0") if b"\xff\xc0" in jpeg else jpeg.index(b"\xff\xc2")
    garbled = bytearray(small)
    garbled[len(small) // 2] ^= 0xff
    yield "images", "image/png", black(7200, 7200)  # 52 million pixels, a little more than is allowed
    for side in (65_535, 2**31 - 1):
        yield "images", "image/png", png(ihdr(side, side), idat, end)
    yield "search", "image/png", png(ihdr(4, 4, colour=0), chunk(b"IDAT", full), end)
    yield "search", "image/png", small[:33] + chunk(b"iCCP", b"icc\0\0" + full) + small[33:]
    yield "search", "image/png", small[:33] + chunk(b"zTXt", b"Comment\0\0" + full) + small[33:]
    yield "search", "image/png", small[:33] + chunk(b"tEXt", b"a\0b") * 20_000 + small[33:]
    yield "images", "image/jpeg", jpeg[: size + 5] + b"\xff" * 4 + jpeg[size + 9 :]
    yield "images", "image/jpeg", jpeg[: size + 5] + b"\0\0" + jpeg[size + 7 :]
    for part in (2, 3, 10):
        yield "images", "image/jpeg", jpeg[: len(jpeg) // part]
        yield "images", "image/png", small[: len(small) // part]
    yield "images", "image/png", small[:33] + b"\xff" * 4 + small[37:]
    yield "images", "image/png", small[:29] + b"\0" + small[30:]
    yield "images", "image/png", bytes(garbled)
    yield "images", "image/gif", b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x08\0;"
    yield "images", "image/bmp", b"BM\xff\xff\xff\x7f\0\0\0\0\x36\0\0\0\x28\0\0\0\xff\xff\xff\x7f\xff\xff\xff\x7f\x01\0\x18\0".ljust(200, b"\0")
    yield "images", "image/webp", b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff\0\0\0\x9d\x01\x2a\x08\0\x08\0"
    yield "search", "image/png", small + zipped("a.png", small)
    yield "search", "image/jpeg", jpeg[:2] + b"\xff\xfe\0\x12<?php phpinfo()" + jpeg[2:]
    for text in (b"", b"\x89", small[:8], b"GIF89a/*<script>*/=1;alert(1)", b"<html>", b"%PDF-1.7\n", b"\x7fELF\x02\x01\x01", b"MZ\x90\0", b"#!/bin/sh\n",
                 b"\0\0\0\x0cftypheic" + small, b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'):
        yield "images", "image/png", text
    yield "images", "image/png", bytes((20 << 20) + 1)
    yield "import", "application/zip", zipped("z.txt", bytes(40 << 20))
    yield "import", "application/zip", zipped("../../etc/cron.d/x", b"* * * * * root")
    yield "import", "application/zip", zipped("b.zip", zipped("a.png", b"none"))
    yield "import", "application/zip", b"PK\x03\x04 and no more"
    yield "import", "application/gzip", gzip.compress(tarred("z", content=bytes(40 << 20)))
    yield "import", "application/x-tar", tarred("a.png", tarfile.SYMTYPE, "/etc/passwd")
    yield "import", "application/x-tar", tarred("a.png", tarfile.CHRTYPE)
    yield "import", "application/x-tar", tarred("../../a.txt", content=b"out")


def texts():
    """JSON and forms."""
    deep = lambda start, end, levels: start * levels + "1" + end * levels
    for text in ("[" * 100_000, deep("[", "]", 50_000), deep('{"a":', "}", 50_000), '{"id": "p", "filter": ' + deep('{"not":', "}", 10_000) + "}",
                 "", '{"id": "p"', '{"id": "p"}{}', "null", "NaN", '{"id": "p", "id": "q"}', '{"id": "p", "__proto__": {}}', '{"id": "\\ud800"}',
                 '{"id": "p", "k": ' + "9" * 50_000 + "}", '{"id": "p", "k": -1}', '{"id": "p", "k": 1e999}', '{"descriptor": [1]}',
                 '{"descriptor": [' + "1," * 199_999 + "1]}", '{"image": "http://169.254.169.254/"}', '{"id": "' + "x" * (4 << 20) + '"}',
                 '{"id": "p", "filter": {"field": "a", "in": [' + "1," * 256 + "1]}}"):
        yield request("POST", f"{COLLECTION}/search", text.encode())
    yield request("POST", f"{COLLECTION}/search:batch", ('{"searches": [' + '{"id": "p"},' * 9_999 + '{"id": "p"}]}').encode())
    yield request("POST", f"{COLLECTION}/search", b'{"id": "\xff\xfe"}')
    part = lambda rest, content=b"": b"--x\r\ncontent-disposition: form-data; " + rest + b"\r\n\r\n" + content + b"\r\n"
    small = black(64, 64)
    for body in (b"", b"--x--", b"\r\n--x" * 100_000, b"\r\n--" * 125_000, b"--x\r\nx: " + b"a" * 500_000, part(b'name="image"', small), part(b'name="image\0"', small) + b"--x--",
                 (part(b'name="image"', small) + part(b'name="id"', b"a") * 10_000) + b"--x--", part(b'name="image"', small) * 2 + b"--x--",
                 part(b'name="image"', small) + part(b'name="id"', b"../../etc/passwd") + b"--x--", part(b'name="' + b"a" * 100_000 + b'"') + b"--x--"):
        yield request("POST", f"{COLLECTION}/images", body, "multipart/form-data; boundary=x")
    yield request("POST", f"{COLLECTION}/images", b"--x--", "multipart/form-data")
    yield request("POST", f"{COLLECTION}/images", b"--x--", "multipart/form-data; boundary=" + "x" * 60_000)


def heads():
    """HTTP, paths, keys."""
    lines = lambda *lines: "\r\n".join(["GET /livez HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]).encode("latin-1")
    yield from (lines(f"x: {'a' * (128 << 10)}"), lines(*(f"x-{n}: 1" for n in range(101))), lines("x: a\0b"), lines("nothing"), lines("x: 1\r\n folded: 1"), lines("host: other"),
                lines("expect: 999-owned"), lines("upgrade: h2c"), b"GET /livez\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
                b"GET" + b" " * 60_000 + b"/livez HTTP/1.1\r\n\r\n", b"BREW" * 500 + b" /livez HTTP/1.1\r\nConnection: close\r\n\r\n")
    head = f"POST {COLLECTION}/search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{AUTHORIZED}Content-Type: application/json\r\n"
    for framing in ("content-length: 12\r\ncontent-length: 4", "content-length: +12", "content-length: -1", "content-length: 9223372036854775808", "transfer-encoding: xchunked",
                    "content-length: 4\r\ntransfer-encoding: chunked", "transfer-encoding : chunked"):
        yield f"{head}{framing}\r\n\r\nc\r\n{{\"id\": \"p1\"}}\r\n0\r\n\r\nGET /v1/collections HTTP/1.1\r\n\r\n".encode()
    for body in ("zz\r\n{}\r\n0\r\n\r\n", "10000000000000000\r\n{}\r\n", "2;" + "a" * 40_000 + "\r\n", "c\r\n{\"id\": \"p1\"}\r\n0\r\n" + "x: 1\r\n" * 7_000 + "\r\n"):
        yield f"{head}transfer-encoding: chunked\r\n\r\n{body}".encode()
    for path in ("/../../../../etc/passwd", "/assets/..%2f..%2fCargo.toml", "/assets/%2e%2e/%2e%2e/etc/passwd", "/assets/app.js%00.png", "//livez", "/.git/config", "/v1/collections/..%2f..",
                 "/v1/collections/" + "a" * 60_000, f"{COLLECTION}/images/%ff", f"{COLLECTION}/images/%c0%af", f"{COLLECTION}/images/..%2fp", f"{COLLECTION}/images?limit=-1",
                 f"{COLLECTION}/images?cursor=" + "61" * 20_000, f"{COLLECTION}/images?cursor=' OR 1=1 --".replace(" ", "%20"), "/" * 30_000, "/livez?" + "a=1&" * 10_000, "/" + "a" * 70_000):
        yield request("GET", path)
    yield request("PUT", "/v1/collections/owned", b"{}", more=["origin: https://evil.example"])
    for key in ("", "eyrie_" + "A" * 43, "A" * 500, "A" * 60_000, "' OR '1'='1' --", "null", "eyJhbGciOiJub25lIn0.eyJzY29wZSI6ImFkbWluIn0."):
        yield request("GET", "/v1/keys", more=[f"authorization: Bearer {key}"])


class Hostile:
    """Clients that mean harm, until they are ended."""

    def __init__(self, port, inputs, key):
        self.port, self.inputs, self.key, self.statuses, self.tasks = port, inputs, key, Counter(), []

    def begin(self):
        roles = [self.plays] * 4 + [self.idles] * 200 + [self.sends_a_head] * 8 + [self.sends_a_body] * 8 + [self.reads_nothing] * 4
        self.tasks = [asyncio.create_task(self.again(role)) for role in roles]

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def again(self, role):
        while True:
            try:
                await role()
            except OSError:
                await asyncio.sleep(0.1)

    async def plays(self):
        status, head, body, _ = await ask(self.port, random.choice(self.inputs))
        self.statuses[status] += 1
        if status >= 500 and b'"overloaded"' not in body:
            raise SystemExit(f"{head}\n{body[:500]!r}")

    async def connected(self, use):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await use(reader, writer)
        finally:
            writer.transport.abort()

    async def idles(self):
        await self.connected(lambda reader, _: reader.read())

    async def drip(self, head):
        async def use(reader, writer):
            writer.write(head)
            ended = asyncio.create_task(reader.read())
            try:
                while not ended.done():
                    writer.write(b"x")
                    await asyncio.sleep(0.5)
            finally:
                ended.cancel()
        await self.connected(use)

    async def sends_a_head(self):
        await self.drip(sent_by(ATTACKER, b"GET /livez HTTP/1.1\r\nx: "))

    async def sends_a_body(self):
        head = f"POST {COLLECTION}/images HTTP/1.1\r\nHost: localhost\r\n{AUTHORIZED}Content-Type: image/png\r\nContent-Length: 20000000\r\n\r\n"
        await self.drip(sent_by(ATTACKER, head.encode(), self.key))

    async def reads_nothing(self):
        async def use(_, writer):
            writer.transport.pause_reading()
            writer.write(sent_by(ATTACKER, request("GET", "/openapi.yaml")).replace(b"Connection: close\r\n", b"") * 50)
            await asyncio.sleep(5)
        await self.connected(use)


async def others(port, seconds, searches, reads, took):
    """Asks for so long, each thing at its rate."""
    async def one(kind, data):
        status, head, body, time_taken = await ask(port, data)
        if status != 200:
            raise SystemExit(f"{kind} of others: {status} {head}\n{body[:500]!r}")
        took[kind].append(time_taken)

    start, tasks = time.monotonic(), []
    rates = {"search by image": (4, searches), "similar by id": (10, [r for r in reads if b"similar" in r]), "record": (10, [r for r in reads if b"similar" not in r])}
    due = {kind: random.random() / rate for kind, (rate, _) in rates.items()}
    while (now := time.monotonic() - start) < seconds:
        for kind, (rate, requests) in rates.items():
            while due[kind] <= now:
                tasks.append(asyncio.create_task(one(kind, random.choice(requests))))
                due[kind] += 1 / rate
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)


async def measure(server, images, seconds, rounds, largest):
    port = server.port
    await must(port, request("PUT", COLLECTION, b'{"profile": "fast"}'))
    ids = [(await must(port, request("POST", f"{COLLECTION}/images", image, "image/jpeg")))["id"] for image in images[:100]]
    searches = [request("POST", f"{COLLECTION}/search?k=10", image, "image/jpeg") for image in images[:100]]
    reads = [request("GET", f"{COLLECTION}/images/{id}{rest}") for id in ids for rest in ("", "/similar")]
    inputs = [request("POST", f"{COLLECTION}/{path}", body, kind) for path, kind, body in pictures_that_are_none(images[0])]
    if largest:
        inputs.append(request("POST", f"{COLLECTION}/search", black(7000, 7000), "image/png"))
    key = (await must(port, request("POST", "/v1/keys", b'{"label": "hostile", "scope": "write"}')))["secret"]
    inputs = [sent_by(ATTACKER, data, key) for data in (*inputs, *texts(), *heads())]
    searches, reads = ([sent_by(OTHERS, data) for data in kind] for kind in (searches, reads))
    print(f"{len(inputs)} hostile inputs", flush=True)
    hostile, took = Hostile(port, inputs, key), {phase: {kind: [] for kind in ("search by image", "similar by id", "record")} for phase in ("quiet", "hostile")}
    await others(port, 5, searches, reads, {kind: [] for kind in took["quiet"]})
    for _ in range(int(rounds)):
        for phase in took:
            if phase == "hostile":
                hostile.begin()
            await others(port, seconds, searches, reads, took[phase])
            if phase == "hostile":
                await hostile.end()
            print(phase, {kind: f"{percentile(times, 0.5) * 1e3:.1f} / {percentile(times, 0.99) * 1e3:.1f} ms of {len(times)}" for kind, times in took[phase].items()}, server.held(), flush=True)
    result = {kind: {phase: {p: percentile(took[phase][kind], p) * 1e3 for p in (0.5, 0.99, 1)} for phase in took} for kind in took["quiet"]}
    for kind, phases in result.items():
        phases["ratio"] = phases["hostile"][0.99] / phases["quiet"][0.99]
    return {"ms": result, "hostile_answers": {str(status): n for status, n in sorted(hostile.statuses.items())}, "held": server.held()}


if __name__ == "__main__":
    print(json.dumps(run(__doc__, measure, {"seconds": (60, "how long a phase lasts"), "rounds": (2, "how often they take turns"), "largest": (0, "1 for a picture as large as is allowed among the inputs")}), indent=1))
