"""A server of its own, requests to it, and what it holds while it answers: for overload.py and mixed.py.

Python's standard library alone; Linux, since memory and files are read from /proc.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import subprocess
import tempfile
import time
from pathlib import Path


# Of every server that is started here: requests need it.
KEY = secrets.token_urlsafe(32)


class Server:
    """`eyrie serve` over SQLite in a folder that goes with it, with an administrator's key and the limits of clients off."""

    def __init__(self, binary, settings=()):
        self.folder = tempfile.TemporaryDirectory(prefix="eyrie-load-")
        environment = {**os.environ, "EYRIE_BIND": "127.0.0.1:0", "EYRIE_DATA_DIR": self.folder.name, "EYRIE_DATABASE_URL": "", "EYRIE_ADMIN_KEY": KEY, **dict(settings)}
        self.log = Path(self.folder.name) / "log"
        self.process = subprocess.Popen([binary, "serve"], env=environment, stderr=self.log.open("w"))
        deadline = time.monotonic() + 30
        while not (found := re.search(r" listening address=127\.0\.0\.1:(\d+) ", self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server does not start:\n{self.log.read_text()}")
            time.sleep(0.05)
        self.port = int(found[1])

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        self.folder.cleanup()

    def _processes(self):
        """The server and its workers."""
        own = str(self.process.pid)
        found = [own]
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[1] in found:
                found.append(status.parent.name)
        return found

    def held(self):
        """Resident memory of the server and of its workers in MB, open files, and sizes of the database in MB."""
        server, workers, files = 0.0, 0.0, 0
        for pid in self._processes():
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                if pid == str(self.process.pid):
                    server, files = pages * 4096 / 1e6, len(os.listdir(f"/proc/{pid}/fd"))
                else:
                    workers += pages * 4096 / 1e6
            except OSError:
                pass
        size = lambda suffix: sum(f.stat().st_size for f in Path(self.folder.name).glob(f"eyrie.db{suffix}")) / 1e6
        return {"server_mb": server, "workers_mb": workers, "files": files, "database_mb": size(""), "wal_mb": size("-wal")}


def request(method, path, body=b"", content_type="application/json", more=()):
    """The bytes of a request that closes its connection, with the key where `more` brings none."""
    headers = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}"]
    if body:
        headers.append(f"Content-Type: {content_type}")
    if not any(line.startswith("authorization: ") for line in more):
        headers.append(f"Authorization: Bearer {KEY}")
    return "\r\n".join([*headers, *more, "", ""]).encode() + body


async def ask(port, data, timeout=120.0):
    """Sends a request on a connection of its own: status (0 where the connection failed), headers and body, seconds."""
    start = time.monotonic()
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(data)
                answer = await reader.read()
            finally:
                writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head[9:12]), head.decode("latin-1"), body, time.monotonic() - start
    except (OSError, TimeoutError, ValueError) as error:
        return 0, repr(error), b"", time.monotonic() - start


async def must(port, data):
    """The JSON of an answer that has to be a success."""
    status, head, body, _ = await ask(port, data)
    if not 200 <= status < 300:
        raise SystemExit(f"{head}\n{body.decode(errors='replace')}")
    return json.loads(body) if body else None


def pictures(folder, count):
    """The first JPEGs below a folder by name, each at most 200 KB."""
    files = sorted(f for f in Path(folder).rglob("*") if f.suffix.lower() in (".jpg", ".jpeg") and f.stat().st_size < 200_000)
    if len(files) < count:
        raise SystemExit(f"{count} JPEGs are needed, {folder} has {len(files)}")
    return [f.read_bytes() for f in files[:count]]


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


def run(description, measure, arguments):
    """Starts a server, has `measure(server, pictures, **arguments)` do its work and ends the server; the result, written to --json as well.

    `arguments` are numbers by name: the default, and what --help says of it.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eyrie", required=True, help="the binary")
    parser.add_argument("--pictures", required=True, help="a folder with 500 JPEGs")
    for name, (default, what) in arguments.items():
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{what} [{default}]")
    parser.add_argument("--json", help="a file for the result")
    options = parser.parse_args()
    server = Server(options.eyrie)
    try:
        values = {name: getattr(options, name) for name in arguments}
        result = asyncio.run(measure(server, pictures(options.pictures, 500), **values))
    finally:
        server.close()
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1))
    return result
