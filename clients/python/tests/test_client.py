import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import eyrie_client
from eyrie_client import AsyncEyrie, Descriptor, Eyrie, EyrieError

MakePicture = Callable[..., bytes]


def test_a_picture_is_added_found_read_changed_and_deleted(eyrie: Eyrie, picture: MakePicture) -> None:
    added = eyrie.add(picture(1), id="one", metadata={"title": "One", "year": 1979})
    eyrie.add(picture(2), id="two", metadata={"title": "Two"})
    found = eyrie.search(picture(1), k=5)
    assert [hit["id"] for hit in found["results"]] == ["one", "two"]
    assert found["results"][0]["verdict"] == "same"
    assert found["results"][0]["metadata"]["title"] == "One"
    changed = eyrie.update("one", {"year": None, "tag": "new"}, if_match=added["revision"])
    assert changed["metadata"] == {"title": "One", "tag": "new"}
    assert eyrie.get("one") == changed
    assert eyrie.thumbnail("one")[:2] == b"\xff\xd8" or eyrie.thumbnail("one")[:4] in (b"\x89PNG", b"RIFF")
    assert httpx.get(eyrie.url(changed["thumbnail_url"])).status_code == 200
    eyrie.delete("one")
    with pytest.raises(EyrieError) as failure:
        eyrie.get("one")
    assert (failure.value.code, failure.value.status) == ("unknown_image", 404)


def test_searches_take_ids_files_descriptors_and_all_options(
    eyrie: Eyrie, picture: MakePicture, tmp_path: Path
) -> None:
    for seed in (1, 2, 3):
        eyrie.add(picture(seed), id=f"seed-{seed}", metadata={"seed": seed})
    by_id = eyrie.search("seed-1", k=2, filter={"field": "seed", "gte": 3})
    assert [hit["id"] for hit in by_id["results"]] == ["seed-3"]
    path = tmp_path / "query.png"
    path.write_bytes(picture(2))
    hit = eyrie.search(
        path, k=1, min_score=0.5, exact=True, verify="never", include=["record"], filter={"field": "seed", "in": [2, 3]}
    )["results"][0]
    assert hit["record"]["id"] == "seed-2"
    assert "verified" not in hit
    twice = eyrie.search([path, path.read_bytes()], k=1)["results"][0]
    assert (twice["id"], twice["match"]["query_image"]) == (hit["id"], 1)
    assert len(eyrie.search(path, region=(0, 0, 0.5, 1), k=1)["results"]) == 1
    with pytest.raises(EyrieError) as failure:
        eyrie.search(Descriptor([1.0, 2.0]))
    assert failure.value.code == "descriptor_length"


def test_a_list_goes_on_over_its_pages(eyrie: Eyrie, picture: MakePicture) -> None:
    for seed in range(5):
        eyrie.add(picture(seed, 64, 64), id=f"p{seed}", metadata={"odd": seed % 2 == 1})
    assert [image["id"] for image in eyrie.list(limit=2)] == ["p0", "p1", "p2", "p3", "p4"]
    assert [image["id"] for image in eyrie.list(filter={"field": "odd", "eq": True})] == ["p1", "p3"]
    assert [image["id"] for image in eyrie.list(sort="-created", limit=3)] == ["p4", "p3", "p2", "p1", "p0"]


def test_the_same_bytes_are_stored_once_replaced_or_refused(eyrie: Eyrie, picture: MakePicture) -> None:
    id = eyrie.add(picture(7))["id"]
    assert eyrie.add(picture(7))["id"] == id
    with pytest.raises(EyrieError) as failure:
        eyrie.add(picture(7), on_duplicate="reject")
    assert failure.value.code == "duplicate_image"
    assert eyrie.add(picture(8), id=id, replace=True)["revision"] > 1
    with pytest.raises(TypeError):
        eyrie.add(picture(8), replace=True)


def test_a_failure_says_what_the_service_says(eyrie: Eyrie) -> None:
    with pytest.raises(EyrieError) as failure:
        eyrie.add(b"no picture")
    error = failure.value
    assert error.code == "not_an_image"
    assert error.status == error.problem["status"]
    assert error.detail and str(error) == error.detail
    assert len(error.request_id) == 36


def test_a_service_that_cannot_be_reached_is_a_network_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with Eyrie(f"http://127.0.0.1:{port}") as eyrie, pytest.raises(EyrieError) as failure:
        eyrie.collections()
    assert (failure.value.code, failure.value.status) == ("network", 0)


class OverloadedOnce(httpx.BaseTransport):
    """The network, but the first answer is that the service is full."""

    def __init__(self) -> None:
        self.real = httpx.HTTPTransport()
        self.seen: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if len(self.seen) == 1:
            return httpx.Response(503, json={"code": "overloaded", "detail": "full"})
        return self.real.handle_request(request)


def test_an_overloaded_service_is_asked_again_with_the_key(
    eyrie: Eyrie, picture: MakePicture, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(eyrie_client.client.time, "sleep", waited.append)
    eyrie.add(picture(1), id="one")
    transport = OverloadedOnce()
    with Eyrie(url, collection=eyrie.collection, api_key="secret", transport=transport) as again:
        assert again.search(picture(1))["results"][0]["id"] == "one"
    assert waited == [1.0]
    assert transport.seen[1].headers["authorization"] == "Bearer secret"
    with Eyrie(url, retries=0, transport=OverloadedOnce()) as never, pytest.raises(EyrieError) as failure:
        never.collections()
    assert failure.value.code == "overloaded"


def test_the_asynchronous_client_does_the_same(eyrie: Eyrie, picture: MakePicture, url: str) -> None:
    async def story() -> None:
        async with AsyncEyrie(url, collection=eyrie.collection) as client:
            ids = [f"p{seed}" for seed in range(3)]
            await asyncio.gather(*(client.add(picture(n), id=id, metadata={"n": n}) for n, id in enumerate(ids)))
            assert [image["id"] async for image in client.list(limit=1)] == ids
            found = await client.search(picture(1), k=1)
            assert found["results"][0]["id"] == "p1"
            assert (await client.update("p1", {"n": None}))["metadata"] == {}
            assert (await client.get("p1"))["width"] == 320
            assert await client.thumbnail("p1")
            await client.delete("p1")
            with pytest.raises(EyrieError) as failure:
                await client.search("p1")
            assert failure.value.code == "unknown_image"
            assert eyrie.collection in [collection["name"] for collection in await client.collections()]

    asyncio.run(story())


def test_results_carry_what_is_chosen_and_one_of_each_group(eyrie: Eyrie, picture: MakePicture) -> None:
    for seed in (1, 2, 3):
        eyrie.add(picture(seed), id=f"seed-{seed}", metadata={"odd": seed % 2 == 1})
    for query in (picture(1), "seed-1"):
        chosen = eyrie.search(query, fields=["score", "metadata"], verify="never")["results"]
        assert set(chosen[0]) == {"rank", "id", "score", "metadata"}
        grouped = eyrie.search(query, group_by="odd", fields=[])["results"]
        assert [set(hit) for hit in grouped] == [{"rank", "id"}] * 2


def test_two_pictures_are_compared(eyrie: Eyrie, picture: MakePicture) -> None:
    eyrie.add(picture(1), id="one")
    same = eyrie.compare("one", picture(1))
    assert same["verdict"] == "same"
    other = eyrie.compare(picture(1), picture(2), profile="fast", include=["overlay"])
    assert other["score"] < same["score"]
    assert other["overlay"].startswith("data:image/png")
