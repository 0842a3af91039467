#!/usr/bin/env python3
"""A moderation queue: watches a folder, adds what is new to a collection, and rejects what is there already.

    examples/moderation.py inbox                    # watch until Ctrl-C
    examples/moderation.py inbox --once             # what is there now, then end

Accepted files go to inbox/accepted, rejected ones to inbox/rejected beside a .json file that says why: the picture that
was there first, its score and verdict, or what is wrong with the file.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from eyrie_client import Eyrie, EyrieError

REJECTED = ("same", "near_duplicate")
# Failures of the service, not of the file: the file stays where it is.
TRY_LATER = ("network", "overloaded", "not_ready", "shutting_down", "request_timeout", "database_unavailable", "")


def why_not(eyrie: Eyrie, path: Path) -> dict[str, Any] | None:
    """What shows the same thing already, or None."""
    for hit in eyrie.search(path, k=3, include=["metadata"])["results"]:
        if hit["verdict"] in REJECTED:
            return {"id": hit["id"], "score": hit["score"], "verdict": hit["verdict"], "metadata": hit["metadata"]}
    return None


def move(path: Path, folder: Path) -> Path:
    """Moves a file into a folder, beside what has its name there."""
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    return path.rename(target)


def moderate(eyrie: Eyrie, path: Path) -> bool:
    """Decides over one file; says whether it was accepted."""
    try:
        reason = why_not(eyrie, path)
        if reason is None:
            record = eyrie.add(path, metadata={"file_name": path.name})
            move(path, path.parent / "accepted")
            print(f"accepted  {path.name}  as {record['id']}", flush=True)
            return True
    except EyrieError as error:
        if error.code in TRY_LATER:
            raise
        reason = {"code": error.code, "detail": error.detail}
    moved = move(path, path.parent / "rejected")
    moved.with_name(f"{moved.name}.json").write_text(json.dumps(reason, indent=2), encoding="utf-8")
    print(f"rejected  {path.name}  {reason.get('verdict', reason.get('code'))} {reason.get('id', '')}", flush=True)
    return False


def waiting(folder: Path, settled: float) -> list[Path]:
    """The files that nobody has written to for so many seconds, oldest first."""
    now = time.time()
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return sorted((path for path in files if now - path.stat().st_mtime >= settled), key=lambda path: path.stat().st_mtime)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default=os.environ.get("EYRIE_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--collection", default="default")
    parser.add_argument("--once", action="store_true", help="end when nothing is left")
    parser.add_argument("--interval", type=float, default=2.0, help="seconds between two looks")
    arguments = parser.parse_args()
    with Eyrie(arguments.url, collection=arguments.collection) as eyrie:
        while True:
            try:
                for path in waiting(arguments.folder, 0.0 if arguments.once else 1.0):
                    moderate(eyrie, path)
            except EyrieError as error:
                if arguments.once:
                    raise
                print(f"trying again later: {error}", flush=True)
            if arguments.once:
                return
            time.sleep(arguments.interval)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
