"""The production stack, the first try and the image alone, started by a Docker engine and used as others would use them.

    scripts/test-production

runs this with the image's name; DOCKER and COMPOSE name the clients. `--without SERVICE` leaves a service of compose.production.yml out.
What compose.production.yml promises is looked at from outside, through Caddy's TLS, and from below, in the processes of the engine's
machine. Python's standard library alone.
"""

import argparse
import base64
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from rolling import png

ROOT = Path(__file__).resolve().parents[2]
DOCKER, COMPOSE = os.environ["DOCKER"].split(), os.environ["COMPOSE"].split()
# Caddy signs names below localhost itself; other containers can be told what this one stands for,
# unlike localhost.
HOST = "pictures.localhost"
THINGS = "/v1/collections/things"
# A documentation network: what comes from it is no private address, and so no proxy that Eyrie
# trusts.
VISITORS, VISITOR = "203.0.113.0/24", "203.0.113.7"
# Of the bits in /proc/PID/status, the one that lets a process listen on ports below 1024.
NET_BIND_SERVICE = 1 << 10
HELPER = "debian:bookworm-slim"


def sure(fact, truth, found=None):
    """Prints a fact; where it is none, the test ends with what was found instead."""
    if not truth:
        raise AssertionError(f"not so: {fact}" + (f"\n{found}" if found is not None else ""))
    print(f"ok: {fact}", flush=True)


def until(fact, look, seconds=90):
    """Looks until something true comes back, and gives that."""
    deadline, seen = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if seen := look():
                print(f"ok: {fact}", flush=True)
                return seen
        except (OSError, http.client.HTTPException, subprocess.CalledProcessError) as error:
            seen = error
        time.sleep(0.2)
    raise AssertionError(f"not so within {seconds} s: {fact}\n{seen}")


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def docker(*arguments, **options):
    return run(*DOCKER, *arguments, **options)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return f"{self.status} {self.headers} {self.body[:400]}"


class Site:
    """A service at a port of this machine, over TLS where there are certificates to check it against."""

    def __init__(self, port, tls=None, key=None):
        self.port, self.tls, self.key = port, tls, key

    def call(self, method, path, body=None, kind="image/png", key=None, **headers):
        if self.tls:
            # The name need not lead here for others: the certificate is checked against it all the
            # same.
            raw = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            connection = http.client.HTTPSConnection(HOST, timeout=60)
            connection.sock = self.tls.wrap_socket(raw, server_hostname=HOST)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Type"] = kind
        if key := key or self.key:
            sent["Authorization"] = f"Bearer {key}"
        try:
            try:
                connection.request(method, path, body, sent, encode_chunked=body is not None and not isinstance(body, bytes))
            except (BrokenPipeError, ConnectionResetError):
                # It answers before it has read everything, and closes.
                pass
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def keyed(self, key):
        return Site(self.port, self.tls, key)

    def must(self, *arguments, **options):
        answer = self.call(*arguments, **options)
        if not 200 <= answer.status < 300:
            raise AssertionError(f"{arguments[0]} {arguments[1]}: {answer}")
        return answer.json() if answer.body else None

    def add(self, collection, seed):
        return self.must("POST", f"{collection}/images", png(seed))["id"]

    def first(self, collection, seed):
        """The picture that comes first for another copy of one, twice as large."""
        results = self.must("POST", f"{collection}/search?k=1", png(seed, zoom=2))["results"]
        return results[0]["id"] if results else None

    def ids(self, collection):
        found, cursor = [], ""
        while True:
            page = self.must("GET", f"{collection}/images?limit=500{cursor}")
            found += [image["id"] for image in page["images"]]
            if not page.get("next_cursor"):
                return found
            cursor = f"&cursor={urllib.parse.quote(page['next_cursor'])}"


class Stack:
    """A compose file in a copy, under a project of its own, that is gone at the end."""

    def __init__(self, file, folder, override, **environment):
        self.folder, self.project = folder, f"eyrie-test-{os.getpid()}"
        self.override = folder / "override.json"
        self.override.write_text(json.dumps(override))
        self.environment = {**os.environ, **environment, "COMPOSE_PROJECT_NAME": self.project}
        self.command = [*COMPOSE, "-f", str(folder / file), "-f", str(self.override)]

    def compose(self, *arguments, **options):
        return run(*self.command, *arguments, env=self.environment, cwd=self.folder, **options)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            print(self.compose("logs", "--no-color", "--tail", "60", stderr=subprocess.STDOUT), file=sys.stderr)
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", stderr=subprocess.DEVNULL)

    def container(self, service):
        return self.compose("ps", "--quiet", "--all" if COMPOSE != ["docker-compose"] else "-a", service).strip()

    def inspect(self, service):
        return json.loads(docker("inspect", self.container(service)))[0]

    def is_healthy(self, service):
        return self.inspect(service)["State"].get("Health", {}).get("Status") == "healthy"

    def log(self, service):
        return docker("logs", self.container(service), stderr=subprocess.STDOUT)

    def lines(self, service):
        return [json.loads(line) for line in self.log(service).splitlines() if line.startswith("{")]


def below(script, *options):
    """What a script says that sees the processes of the engine's machine, which need not be this one."""
    rights = ("--pid", "host", "--cap-add", "SYS_PTRACE", "--security-opt", "apparmor=unconfined")
    return docker("run", "--rm", "--network", "none", *rights, *options, HELPER, "bash", "-c", script)


def status_of(pid):
    text = below(f"cat /proc/{pid}/status")
    return {name: value.strip() for name, value in (line.split(":", 1) for line in text.splitlines())}


def copied(folder):
    """What the compose files need of the repository, with secrets of its own."""
    for name in ("compose.production.yml", "docker-compose.yml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    run(str(folder / "deploy" / "make-secrets"))
    return {path.name: path.read_text() for path in (folder / "deploy" / "secrets").iterdir()}


def check_production(image, without, folder):
    secrets = copied(folder)
    ports = {"EYRIE_HTTP_PORT": free_port(), "EYRIE_HTTPS_PORT": free_port()}
    override = {
        "services": {
            "eyrie": {"image": image},
            "caddy": {"networks": {"edge": {}, "visitors": {"aliases": [HOST]}}},
        },
        "networks": {"visitors": {"ipam": {"config": [{"subnet": VISITORS}]}}},
    }
    published = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    with Stack("compose.production.yml", folder, override, EYRIE_HOST=HOST, **published) as stack:
        services = [name for name in stack.compose("config", "--services").split() if name not in without]
        print(f"-- {', '.join(services)}; without {', '.join(without) or 'none'}")
        begin = time.monotonic()
        stack.compose("up", "--detach", "--no-build", *services, stderr=subprocess.STDOUT)
        until("Docker's health check says that eyrie is healthy", lambda: stack.is_healthy("eyrie"))
        print(f"   {time.monotonic() - begin:.0f} s after `up`")
        authority = folder / "root.crt"
        root = f"{stack.container('caddy')}:/data/caddy/pki/authorities/local/root.crt"
        until("Caddy has made its certificates", lambda: docker("cp", root, str(authority), stderr=subprocess.DEVNULL) is not None)
        # A visitor's container reads it as another user.
        authority.chmod(0o644)
        site = Site(ports["EYRIE_HTTPS_PORT"], ssl.create_default_context(cafile=str(authority)))
        admin = site.keyed(secrets["admin_key"])

        check_outside(site, ports["EYRIE_HTTP_PORT"])
        admin.must("PUT", THINGS, b"{}", "application/json")
        there = {seed: admin.add(THINGS, seed) for seed in range(12)}
        found = {seed: admin.first(THINGS, seed) for seed in there}
        sure("a search by a larger copy of each picture finds it", found == there, (found, there))
        check_keys(site, admin, there)
        check_sizes(site, admin)
        check_peers(stack, site, image, authority, admin)
        check_containers(stack, services)
        check_worker(stack)
        check_prometheus(stack)
        if "grafana" in services:
            check_grafana(site, secrets["grafana_password"])
        check_backup(stack, admin, there)
        check_kill(stack, admin)
        check_database_restart(stack, admin)
        errors = [line for line in stack.lines("eyrie") if line["level"] == "ERROR" and line.get("code") != "database_unavailable"]
        sure("the log has no error but that the database was away", not errors, errors)
        sure("and every index is kept on disk", "cannot be kept on disk" not in stack.log("eyrie"))
        check_stop(stack, services)
    for kind in ("container", "volume", "network"):
        label = f"label=com.docker.compose.project={stack.project}"
        left = docker(kind, "ls", "--quiet", *(["--all"] if kind == "container" else []), "--filter", label)
        sure(f"`down --volumes` leaves no {kind}", not left, left)


def check_outside(site, plain_port):
    page = site.call("GET", "/")
    sure("the page comes over TLS that Caddy's root vouches for", page.status == 200 and b"Eyrie" in page.body, page)
    wanted = {"Strict-Transport-Security": "max-age=31536000", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    for name, value in wanted.items():
        sure(f"the page has {name}: {value}", page.headers[name] == value, page)
    sure("the page has a Content-Security-Policy", "default-src" in (page.headers["Content-Security-Policy"] or ""), page)
    sure("nothing says what serves it", page.headers["Server"] is None, page)
    for path in ("/docs", "/openapi.yaml"):
        sure(f"{path} is there", site.call("GET", path).status == 200)
    for path in ("/metrics", "/livez", "/readyz", "/METRICS", "//metrics", "/metrics/", "/%6detrics", "/x/../metrics", "/./livez"):
        answer = site.call("GET", path)
        sure(f"{path} is 404 from outside", answer.status == 404 and b"eyrie_" not in answer.body, answer)
    answer = Site(plain_port).call("GET", "/docs?x=1", Host=HOST)
    location = answer.headers["Location"]
    sure("HTTP leads to HTTPS", (answer.status, location) == (308, f"https://{HOST}/docs?x=1"), answer)
    answer = site.call("GET", "/grafana")
    sure("/grafana leads to the board's own path", answer.headers["Location"] == "/grafana/", answer)
    try:
        Site(site.port, ssl.create_default_context(cadata=authority_of_nobody())).call("GET", "/")
        sure("another root does not vouch for it", False)
    except ssl.SSLCertVerificationError:
        sure("another root does not vouch for it", True)


def authority_of_nobody():
    """A certificate that has signed nothing here."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = f"{folder}/key", f"{folder}/certificate"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=nobody",
            "-keyout", key, "-out", certificate, stderr=subprocess.DEVNULL)
        return Path(certificate).read_text()


def check_keys(site, admin, there):
    def refused(answer, status, code):
        kind = answer.headers["Content-Type"]
        return answer.status == status and kind == "application/problem+json" and answer.json()["code"] == code

    for method, path, body in (("GET", "/v1/collections", None), ("POST", f"{THINGS}/images", png(99)), ("DELETE", THINGS, None)):
        answer = site.call(method, path, body)
        sure(f"without a key {method} {path} is 401 missing_key", refused(answer, 401, "missing_key"), answer)
    answer = site.call("GET", "/v1/collections", key="x" * 40)
    sure("a wrong key is 401 invalid_key", refused(answer, 401, "invalid_key"), answer)
    wanted = json.dumps({"label": "shop", "scope": "search", "collections": ["things"]}).encode()
    searcher = site.keyed(admin.must("POST", "/v1/keys", wanted, "application/json")["secret"])
    sure("a key that was made over HTTP searches", searcher.first(THINGS, 3) == there[3])
    for method, path, body in (("POST", f"{THINGS}/images", png(99)), ("DELETE", f"{THINGS}/images/{there[3]}", None),
                               ("GET", "/v1/keys", None)):
        answer = searcher.call(method, path, body)
        sure(f"with it {method} {path.split('/')[-1]} is 403", refused(answer, 403, "insufficient_scope"), answer)
    sure("and nothing was stored or deleted", sorted(admin.ids(THINGS)) == sorted(there.values()))


def check_sizes(site, admin):
    def is_too_large(answer):
        return answer.status == 413 and answer.headers["Content-Type"] == "application/problem+json"

    largest = 20 * 1024 * 1024
    answer = admin.call("POST", f"{THINGS}/images", bytes(largest + 1))
    sure("a byte beyond 20 MiB is 413, with a problem document", is_too_large(answer), answer)
    answer = admin.call("POST", f"{THINGS}/images", (bytes(1 << 20) for _ in range(21)), Transfer_Encoding="chunked")
    sure("21 MiB of which nothing says the length are 413", is_too_large(answer), answer)
    answer = admin.call("POST", f"{THINGS}/images", bytes(largest))
    sure("20 MiB of nothing are read, and are no picture", answer.status == 400 and answer.json()["code"] == "not_an_image", answer)
    answer = admin.call("POST", f"{THINGS}/import", b"\n" * (largest + 1), "application/x-ndjson")
    sure("an import may be larger than that", answer.status not in (413, 502) and answer.status < 500, answer)


def check_peers(stack, site, image, authority, admin):
    def refusals():
        return [line for line in stack.lines("eyrie") if line["target"] == "eyrie::audit"]

    networks = stack.inspect("caddy")["NetworkSettings"]["Networks"].values()
    addresses, gateways = {network["IPAddress"] for network in networks}, {network["Gateway"] for network in networks}
    before = len(refusals())
    site.call("GET", "/v1/keys", X_Forwarded_For="198.51.100.9", X_Real_Ip="198.51.100.9", Forwarded="for=198.51.100.9")
    line = until("a refusal is in the audit log", lambda: refusals()[before:])[0]
    peer = line["peer"]
    # Docker hands over what comes to a port of this machine as its own.
    sure("it names the peer that Caddy saw, not Caddy and not what the request said", peer in gateways and peer not in addresses, line)

    key = authority.parent / "deploy" / "secrets" / "admin_key"
    visit = ["run", "--rm", "--network", f"{stack.project}_visitors", "--ip", VISITOR, "--volume", f"{authority}:/root.crt:ro",
             "--volume", f"{key}:/key:ro", image, "export", "--collection", "things", "--server", f"https://{HOST}", "--ca-file", "/root.crt"]
    # The folder of the secrets is closed, but the engine may go there.
    exported = docker(*visit, "--api-key-file", "/key", stderr=subprocess.PIPE)
    sure("the command line exports through Caddy's TLS", sum(id in exported for id in admin.ids(THINGS)) == 12, exported[-800:])
    before = len(refusals())
    refused = subprocess.run([*DOCKER, *visit], capture_output=True, text=True)
    sure("and is refused without a key", refused.returncode != 0 and "missing_key" in refused.stderr, refused)
    line = until("a refusal is in the audit log", lambda: refusals()[before:])[0]
    sure(f"a visitor of a network that is not private is named by its address, {VISITOR}", line["peer"] == VISITOR, line)


def check_containers(stack, services):
    running = [json.loads(docker("inspect", id))[0] for id in stack.compose("ps", "--quiet").split()]
    published = {container["Config"]["Labels"]["com.docker.compose.service"] for container in running
                 if any(container["NetworkSettings"]["Ports"].values())}
    sure("only Caddy publishes ports", published == {"caddy"}, published)
    users = {"eyrie": "10001", "prometheus": "65534"}
    for service in services:
        container = stack.inspect(service)
        status = status_of(container["State"]["Pid"])
        allowed = NET_BIND_SERVICE if service == "caddy" else 0
        sure(f"{service} has no capability" + (" but to listen on low ports" if allowed else ""), int(status["CapEff"], 16) == allowed, status)
        sure(f"{service} gains no privileges, and Docker's seccomp profile is on", (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status)
        if service != "postgres":
            sure(f"{service} could not even be given one", int(status["CapBnd"], 16) == allowed, status)
            mounts = below(f"cat /proc/{container['State']['Pid']}/mountinfo").splitlines()
            root = next(line.split() for line in mounts if line.split()[4] == "/")
            sure(f"{service} has a root that is read-only", "ro" in root[5].split(","), root)
        else:
            sure("postgres does not run as root", status["Uid"].split()[0] != "0", status)
        if service in users:
            sure(f"{service} runs as uid {users[service]}", status["Uid"].split() == [users[service]] * 4, status)


def check_worker(stack):
    """Eyrie's own sandbox, inside that of Docker."""
    (start,) = [line for line in stack.lines("eyrie") if line["message"] == "listening"]
    sure("the log says that workers are isolated", start["isolated"] is True, start)
    pid = stack.inspect("eyrie")["State"]["Pid"]
    workers = below(f"cat /proc/{pid}/task/*/children").split()
    # One is started for each place of the pool when the first picture comes to it.
    sure(f"workers are processes of their own: {len(workers)}", len(workers) > 0)
    filters = int(status_of(pid)["Seccomp_filters"])
    for worker in workers:
        status = status_of(worker)
        sure("a worker has a filter of calls more than the service", int(status["Seccomp_filters"]) == filters + 1, status)
        limits = below(f"cat /proc/{worker}/limits")
        for name in ("Max core file size", "Max file size"):
            sure(f"a worker has {name} 0", re.search(rf"^{name} +0 +0 ", limits, re.M), limits)
        memory = re.search(r"^Max address space +(\d+) ", limits, re.M)
        sure("a worker may take a bounded amount of memory", memory and int(memory[1]) < 1 << 34, limits)
        environment = below(f"tr '\\0' '\\n' </proc/{worker}/environ")
        sure("a worker knows no variable of the service", environment == "", environment)
    sure("no worker kept anything", "could not give up" not in stack.log("eyrie"))


def check_prometheus(stack):
    def ask(path):
        request = f"GET {path} HTTP/1.0\\r\\nHost: prometheus\\r\\n\\r\\n"
        talk = f"exec 3<>/dev/tcp/prometheus/9090; printf '{request}' >&3; cat <&3"
        said = docker("run", "--rm", "--network", f"{stack.project}_watch", HELPER, "bash", "-c", talk, stderr=subprocess.STDOUT)
        return json.loads(said.split("\n\n", 1)[1])["data"]

    def value(query):
        found = ask(f"/api/v1/query?query={urllib.parse.quote(query).replace('%', '%%')}")["result"]
        return found[0]["value"][1] if found else None

    until("Prometheus has the target eyrie up", lambda: value('up{job="eyrie"}') == "1")
    sure("and reads that it is ready", value("eyrie_ready") == "1")
    sure("and how many pictures were described", float(value("sum(eyrie_extractions_total)") or 0) >= 12)
    written = len(re.findall(r"^ *- alert:", (ROOT / "deploy/prometheus/alerts.yml").read_text(), re.M))

    def evaluated():
        rules = [rule for group in ask("/api/v1/rules")["groups"] for rule in group["rules"] if rule["type"] == "alerting"]
        return len(rules) == written and all(rule["health"] == "ok" for rule in rules)

    until(f"Prometheus evaluates all {written} alerts", evaluated)


def check_grafana(site, password):
    board = json.loads((ROOT / "deploy/grafana/eyrie.json").read_text())
    login = base64.b64encode(f"admin:{password}".encode()).decode()
    answer = until("Grafana answers below /grafana/",
                   lambda: (found := site.call("GET", f"/grafana/api/dashboards/uid/{board['uid']}", Authorization=f"Basic {login}")).status == 200 and found)
    sure("and has the board", answer.json()["dashboard"]["title"] == board["title"])
    sure("nobody reads it without a password", site.call("GET", f"/grafana/api/dashboards/uid/{board['uid']}").status == 401)


def check_backup(stack, admin, there):
    def shell(script):
        return stack.compose("exec", "-T", "backup", "sh", "-euc", "export PGPASSWORD=$(cat $PGPASSWORD_FILE); " + script)

    until("the service backup made a dump when it started", lambda: shell("ls /backups").split())
    said = stack.compose("exec", "-T", "backup", "/backup", "once")
    dump = re.search(r"wrote (/backups/eyrie-\w+\.dump) \((\d+) bytes\)", said)
    sure("`/backup once` writes one more", dump and int(dump[2]) > 10_000, said)
    count = "psql --tuples-only --no-align --dbname={} --command='SELECT count(*) FROM images'"
    shell(f"createdb fresh && pg_restore --no-owner --single-transaction --dbname=fresh {dump[1]}")
    restored, now = int(shell(count.format("fresh"))), len(there)
    sure(f"a fresh database takes it, and has the same {now} images", restored == now, restored)
    shell("dropdb fresh")

    # As docs/OPERATIONS.md has it.
    admin.call("DELETE", f"{THINGS}/images/{there[0]}")
    sure("a picture was deleted after the dump", len(admin.ids(THINGS)) == now - 1)
    stack.compose("stop", "eyrie", stderr=subprocess.STDOUT)
    restore = ("PGPASSWORD=$(cat /run/secrets/postgres_password) "
               f"pg_restore --clean --if-exists --no-owner --single-transaction --dbname=eyrie {dump[1]}")
    stack.compose("run", "--rm", "--entrypoint", "sh", "backup", "-c", restore, stderr=subprocess.STDOUT)
    stack.compose("start", "eyrie", stderr=subprocess.STDOUT)
    until("the dump is taken back and eyrie is healthy again", lambda: stack.is_healthy("eyrie"))
    sure("the deleted picture is there", sorted(admin.ids(THINGS)) == sorted(there.values()))
    sure("and is found", admin.first(THINGS, 0) == there[0])


class Writer(threading.Thread):
    """Adds pictures until it is told to end, and keeps the ids that were acknowledged."""

    def __init__(self, site, seeds):
        super().__init__(daemon=True)
        self.site, self.seeds, self.ending, self.there, self.failures = site, seeds, threading.Event(), [], 0

    def run(self):
        for seed in self.seeds:
            if self.ending.is_set():
                return
            try:
                answer = self.site.call("POST", f"{THINGS}/images", png(seed))
                if answer.status in (200, 201):
                    self.there.append(answer.json()["id"])
                    continue
            except (OSError, http.client.HTTPException):
                pass
            self.failures += 1
            self.ending.wait(0.2)


def check_kill(stack, admin):
    before = stack.inspect("eyrie")
    writer = Writer(admin, range(1000, 100_000))
    writer.start()
    until("pictures are being added", lambda: len(writer.there) >= 5)
    # `docker kill` counts as an order to stop, after which the engine starts nothing.
    below(f"kill -KILL {before['State']['Pid']}")
    begin = time.monotonic()
    until("eyrie is started again after a kill", lambda: (now := stack.inspect("eyrie"))["RestartCount"] == before["RestartCount"] + 1
          and now["State"]["Running"])
    acknowledged = len(writer.there)
    until("and takes pictures again", lambda: len(writer.there) >= acknowledged + 3)
    print(f"   {time.monotonic() - begin:.1f} s after the kill; {writer.failures} requests failed")
    writer.ending.set()
    writer.join()
    lost = set(writer.there) - set(admin.ids(THINGS))
    sure(f"all {len(writer.there)} pictures that were acknowledged are there", not lost, lost)
    until("and it is healthy", lambda: stack.is_healthy("eyrie"))


def check_database_restart(stack, admin):
    before = stack.inspect("eyrie")
    writer = Writer(admin, range(200_000, 300_000))
    writer.start()
    until("pictures are being added", lambda: len(writer.there) >= 3)
    stack.compose("restart", "postgres", stderr=subprocess.STDOUT)
    acknowledged = len(writer.there)
    until("pictures are taken again after a restart of postgres", lambda: len(writer.there) >= acknowledged + 3)
    writer.ending.set()
    writer.join()
    after = stack.inspect("eyrie")
    sure("by the same process", (after["State"]["Pid"], after["RestartCount"]) == (before["State"]["Pid"], before["RestartCount"]))
    lost = set(writer.there) - set(admin.ids(THINGS))
    sure(f"all {len(writer.there)} pictures that were acknowledged are there", not lost, lost)
    until("everything is healthy", lambda: stack.is_healthy("eyrie") and stack.is_healthy("postgres"))


def check_stop(stack, services):
    containers = {service: stack.container(service) for service in services}
    begin = time.monotonic()
    stack.compose("stop", "eyrie", stderr=subprocess.STDOUT)
    took = time.monotonic() - begin
    last = stack.lines("eyrie")[-1]["message"]
    sure("`stop` ends eyrie well before its 30 s are over, and the log says so last", took < 25 and last == "stopped", (took, last))
    print(f"   {took:.1f} s")
    stack.compose("stop", stderr=subprocess.STDOUT)
    codes = {service: json.loads(docker("inspect", id))[0]["State"]["ExitCode"] for service, id in containers.items()}
    sure("everything ends with exit code 0", set(codes.values()) == {0}, codes)


def check_first_try(image, folder):
    copied(folder)
    port = free_port()
    with Stack("docker-compose.yml", folder, {"services": {"eyrie": {"image": image}}}, EYRIE_PORT=str(port)) as stack:
        stack.compose("up", "--detach", "--no-build", stderr=subprocess.STDOUT)
        until("eyrie is healthy", lambda: stack.is_healthy("eyrie"))
        use_freely(Site(port))
        bindings = [binding for ports in stack.inspect("eyrie")["NetworkSettings"]["Ports"].values() for binding in ports or []]
        sure("only this machine reaches it", [binding["HostIp"] for binding in bindings] == ["127.0.0.1"], bindings)
        made = stack.compose("exec", "-T", "eyrie", "eyrie", "keys", "add", "--label", "admin", "--scope", "admin", "--json")
        until("the first key, made in the container, ends that", lambda: Site(port).call("GET", "/v1/collections").status == 401)
        keyed = Site(port, key=json.loads(made)["secret"])
        sure("and opens it for who has it", keyed.call("GET", "/v1/collections").status == 200)


def use_freely(site):
    sure("the page is there", b"Eyrie" in site.call("GET", "/").body)
    id = site.add("/v1/collections/default", 1)
    sure("a picture is added and found without a key", site.first("/v1/collections/default", 1) == id)
    return id


def check_alone(image):
    name, port = f"eyrie-test-{os.getpid()}", free_port()
    refused = subprocess.run([*DOCKER, "run", "--rm", image], capture_output=True, text=True)
    sure("the image does not start where nobody said who may use it", refused.returncode == 3 and "EYRIE_ADMIN_KEY" in refused.stderr, refused)
    try:
        docker("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:8080", "--volume", f"{name}:/data",
               "--env", "EYRIE_SERVER__ALLOW_ANONYMOUS=admin", image)
        site = Site(port)
        health = lambda: json.loads(docker("inspect", name))[0]["State"]["Health"]["Status"] == "healthy"
        until("the image alone is healthy", health)
        id = use_freely(site)
        docker("restart", name)
        until("it is healthy after a restart", health)
        sure("and has the picture", site.ids("/v1/collections/default") == [id])
        docker("stop", name)
        code = json.loads(docker("inspect", name))[0]["State"]["ExitCode"]
        sure("`docker stop` ends it with exit code 0", code == 0, code)
    finally:
        docker("rm", "--force", "--volumes", name)
        docker("volume", "rm", "--force", name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("--without", action="append", default=[], metavar="SERVICE")
    options = parser.parse_args()
    begin = time.monotonic()
    for title, check in (
        ("compose.production.yml", lambda folder: check_production(options.image, options.without, folder)),
        ("docker-compose.yml", lambda folder: check_first_try(options.image, folder)),
        ("the image alone", lambda _: check_alone(options.image)),
    ):
        print(f"-- {title}")
        with tempfile.TemporaryDirectory(prefix="eyrie-production-") as folder:
            check(Path(folder))
    print(f"the production stack does what it promises, {time.monotonic() - begin:.0f} s"
          + "".join(f"; {service} was not run" for service in options.without))


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, subprocess.CalledProcessError) as error:
        sys.exit(f"tests/deploy/production.py: {error}\n{getattr(error, 'stderr', None) or ''}{getattr(error, 'stdout', None) or ''}")
