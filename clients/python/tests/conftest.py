"""The service that the tests run against, and pictures for it."""

import os
import struct
import uuid
import zlib
from collections.abc import Callable, Iterator

import pytest

from eyrie_client import Eyrie


def png(seed: int, width: int = 320, height: int = 240) -> bytes:
    """A picture with much to see; each seed has another one."""
    state = (seed * 2654435761 + 77) % 2**32

    def below(bound: int) -> int:
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return (state >> 10) % bound

    rows = [bytearray(3 * width + 1) for _ in range(height)]
    for _ in range(90):
        colour = bytes(below(256) for _ in range(3))
        x, y, wide, high = below(width), below(height), 4 + below(40), 4 + below(40)
        right = min(width, x + wide)
        for row in rows[y : min(height, y + high)]:
            row[1 + 3 * x : 1 + 3 * right] = colour * (right - x)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"".join(bytes(row) for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.fixture
def picture() -> Callable[..., bytes]:
    return png


@pytest.fixture(scope="session")
def url() -> str:
    """Where the service is: scripts/test-clients starts one."""
    return os.environ["EYRIE_URL"]


@pytest.fixture
def eyrie(url: str) -> Iterator[Eyrie]:
    """A client in a fresh collection, which is deleted after the test."""
    with Eyrie(url, collection=f"python-{uuid.uuid4()}") as client:
        client.create_collection(profile="fast", description="a test of the Python client")
        yield client
        client.delete_collection()
