"""The examples that use this client."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from eyrie_client import Eyrie

EXAMPLES = Path(__file__).parents[3] / "examples"


def run(url: str, *command: str | Path) -> str:
    ended = subprocess.run(
        command, env=os.environ | {"EYRIE_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_the_queue_takes_what_is_new_and_rejects_what_is_there(
    eyrie: Eyrie, picture: Callable[..., bytes], url: str, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for age, (name, content) in enumerate(
        [("first.png", picture(1)), ("again.png", picture(1)), ("other.png", picture(2)), ("broken.png", b"no picture")]
    ):
        (inbox / name).write_bytes(content)
        os.utime(inbox / name, (1_000_000 + age, 1_000_000 + age))
    said = run(url, sys.executable, EXAMPLES / "moderation.py", inbox, "--once", "--collection", eyrie.collection)
    assert sorted(path.name for path in (inbox / "accepted").iterdir()) == ["first.png", "other.png"], said
    reasons = {path.name: json.loads(path.read_text()) for path in (inbox / "rejected").glob("*.json")}
    assert reasons["again.png.json"]["verdict"] == "same"
    assert reasons["again.png.json"]["metadata"] == {"file_name": "first.png"}
    assert reasons["broken.png.json"]["code"] == "not_an_image"
    assert len(reasons) == 2
    assert [image["metadata"]["file_name"] for image in eyrie.list(filter={"field": "file_name", "eq": "other.png"})]


def test_results_are_drawn(eyrie: Eyrie, picture: Callable[..., bytes], url: str, tmp_path: Path) -> None:
    for seed in (1, 2):
        eyrie.add(picture(seed), id=f"seed-{seed}")
    query, target = tmp_path / "query.png", tmp_path / "results.png"
    query.write_bytes(picture(1))
    said = run(
        url, sys.executable, EXAMPLES / "draw_results.py", query, target, "-k", "2", "--collection", eyrie.collection
    )
    assert said.startswith("2 results"), said
    assert target.read_bytes()[:4] == b"\x89PNG"


def test_every_curl_command_succeeds(eyrie: Eyrie, picture: Callable[..., bytes], url: str, tmp_path: Path) -> None:
    cat, boat = tmp_path / "cat.png", tmp_path / "boat.png"
    cat.write_bytes(picture(1, 240, 180))
    boat.write_bytes(picture(2, 240, 180))
    name = f"{eyrie.collection}-curl"[-64:]
    said = run(url, "env", f"EYRIE_COLLECTION={name}", EXAMPLES / "curl.sh", cat, boat)
    assert said.count("+ curl") >= 14, said
    assert '"verdict":"same"' in said.replace(" ", ""), said
    assert name not in [collection["name"] for collection in eyrie.collections()]
