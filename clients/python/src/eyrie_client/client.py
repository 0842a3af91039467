"""The two clients: one that waits, and one for asyncio."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, cast

import httpx

from . import requests
from .error import EyrieError
from .requests import Picture, Query, Request
from .types import Collection, Comparison, Filter, Image, Profile, SearchResult

Verify = Literal["auto", "always", "never"]
SearchParts = Sequence[Literal["metadata", "record", "cost", "thumbnail"]]
HitFields = Sequence[
    Literal[
        "score", "verdict", "verified", "inliers", "confidence", "match", "cells", "width", "height",
        "thumbnail_url", "original_url", "metadata", "record",
    ]
]
Sort = Literal["id", "-id", "created", "-created", "updated", "-updated"]
Region = tuple[float, float, float, float]

# Describing a picture takes seconds on a small machine, and the queue before it may be long.
TIMEOUT = httpx.Timeout(120.0, connect=10.0)

# Codes of refusals that pass.
BUSY = ("overloaded", "rate_limited", "too_many_at_once")


class _Face:
    """What both clients know: where the service is, and how it is asked."""

    def __init__(self, url: str, *, collection: str, api_key: str | None, retries: int) -> None:
        self._url = httpx.URL(url if url.endswith("/") else f"{url}/")
        self._api_key = api_key
        self._retries = retries
        self.collection = collection
        """The collection that calls are about."""

    def url(self, path: str) -> str:
        """The address of a path of an answer, such as ``thumbnail_url``."""
        return str(self._url.join(path))

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._api_key}"} if self._api_key else {}

    def _pause(self, error: EyrieError, tries: int) -> float:
        """How long to wait before another try; a failure that does not pass is raised."""
        if error.code not in BUSY or tries >= self._retries:
            raise error
        return error.retry_after or 1.0


def _body(response: httpx.Response) -> Any:
    if not response.is_success:
        raise EyrieError.of(response)
    return response.json() if response.content else None


def _unreachable(error: httpx.TransportError) -> EyrieError:
    return EyrieError(f"the service cannot be reached: {error}", code="network")


class Eyrie(_Face):
    """A service, and the collection of it that calls are about.

    >>> with Eyrie("http://127.0.0.1:8080", collection="shop") as eyrie:
    ...     eyrie.add(Path("chair.jpg"), id="chair-12", metadata={"title": "Chair"})
    ...     for hit in eyrie.search(Path("photo.jpg"), k=5)["results"]:
    ...         print(hit["id"], hit["score"], hit["verdict"])
    """

    def __init__(
        self,
        url: str,
        *,
        collection: str = "default",
        api_key: str | None = None,
        retries: int = 2,
        timeout: httpx.Timeout | float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, collection=collection, api_key=api_key, retries=retries)
        self._http = httpx.Client(base_url=self._url, headers=self._headers(), timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self._http.close()

    def _send(self, request: Request) -> Any:
        tries = 0
        while True:
            try:
                return _body(self._http.request(request.method, request.path, **request.arguments()))
            except httpx.TransportError as error:
                raise _unreachable(error) from error
            except EyrieError as error:
                time.sleep(self._pause(error, tries))
            tries += 1

    def search(
        self,
        query: Query,
        *,
        k: int | None = None,
        offset: int | None = None,
        min_score: float | None = None,
        filter: Filter | None = None,
        exact: bool | None = None,
        ef: int | None = None,
        verify: Verify | None = None,
        expand: bool | None = None,
        region: Region | None = None,
        include: SearchParts | None = None,
        group_by: str | None = None,
        fields: HitFields | None = None,
    ) -> SearchResult:
        """Searches by a picture (bytes or a path), by up to four of one thing, by the id of a stored one (a text), or by
        a descriptor.

        With ``group_by`` only the best of the pictures with the same value of that field of the metadata is a result;
        ``fields`` names what each result carries beside ``rank`` and ``id``, in place of the usual.
        """
        options: dict[str, Any] = dict(k=k, offset=offset, min_score=min_score, filter=filter, exact=exact, ef=ef)
        options.update(verify=verify, expand=expand, region=region, include=include, group_by=group_by, fields=fields)
        return cast(SearchResult, self._send(requests.search(self.collection, query, options)))

    def add(
        self,
        picture: Picture,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        replace: bool = False,
        on_duplicate: Literal["return", "reject", "allow"] | None = None,
        on_similar: Literal["ignore", "report", "reject"] | None = None,
        include: Sequence[Literal["cost"]] | None = None,
    ) -> Image:
        """Adds a picture; with ``replace``, it is stored under ``id`` over what is there."""
        options = dict(metadata=metadata, on_duplicate=on_duplicate, on_similar=on_similar, include=include)
        return cast(Image, self._send(requests.add(self.collection, picture, id, replace, options)))

    def get(self, id: str) -> Image:
        """The record of a picture."""
        return cast(Image, self._send(Request("GET", requests.image_path(self.collection, id))))

    def thumbnail(self, id: str) -> bytes:
        """A picture's small copy, at most 256 pixels wide and high."""
        response = self._http.get(f"{requests.image_path(self.collection, id)}/thumbnail")
        if not response.is_success:
            raise EyrieError.of(response)
        return response.content

    def list(
        self, *, sort: Sort | None = None, filter: Filter | None = None, limit: int | None = None
    ) -> Iterator[Image]:
        """All pictures in order of id unless ``sort`` says otherwise, page by page as they are asked for."""
        cursor: str | None = None
        while True:
            page = self._send(requests.page(self.collection, dict(sort=sort, filter=filter, limit=limit, cursor=cursor)))
            yield from page["images"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def update(self, id: str, metadata: Mapping[str, Any], *, if_match: int | None = None) -> Image:
        """Changes metadata by a merge patch: members that are None are taken away."""
        path, headers = requests.image_path(self.collection, id), requests.only_if(if_match)
        return cast(Image, self._send(Request("PATCH", path, body={"metadata": metadata}, headers=headers)))

    def delete(self, id: str, *, if_match: int | None = None) -> None:
        """Deletes a picture; with ``if_match`` only this revision of it."""
        path, headers = requests.image_path(self.collection, id), requests.only_if(if_match)
        self._send(Request("DELETE", path, headers=headers))

    def compare(
        self,
        a: Picture | str,
        b: Picture | str,
        *,
        profile: Profile | None = None,
        include: Sequence[Literal["cost", "overlay"]] | None = None,
    ) -> Comparison:
        """What two pictures have in common; each is a picture or the id of a stored one of this collection."""
        request = requests.compare(self.collection, a, b, dict(profile=profile, include=include))
        return cast(Comparison, self._send(request))

    def collections(self) -> Sequence[Collection]:
        """Every collection with its counts."""
        return cast(Sequence[Collection], self._send(Request("GET", "v1/collections"))["collections"])

    def create_collection(self, *, profile: Profile | None = None, description: str | None = None) -> Collection:
        """Creates this collection; the same call again changes nothing."""
        body = requests.there(dict(profile=profile, description=description))
        return cast(Collection, self._send(Request("PUT", requests.collection_path(self.collection), body=body)))

    def delete_collection(self) -> None:
        """Deletes this collection and all its pictures."""
        self._send(Request("DELETE", requests.collection_path(self.collection)))


class AsyncEyrie(_Face):
    """The same for asyncio: every call is awaited, ``list`` is an ``async for``."""

    def __init__(
        self,
        url: str,
        *,
        collection: str = "default",
        api_key: str | None = None,
        retries: int = 2,
        timeout: httpx.Timeout | float = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, collection=collection, api_key=api_key, retries=retries)
        self._http = httpx.AsyncClient(
            base_url=self._url, headers=self._headers(), timeout=timeout, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._http.aclose()

    async def _send(self, request: Request) -> Any:
        tries = 0
        while True:
            try:
                return _body(await self._http.request(request.method, request.path, **request.arguments()))
            except httpx.TransportError as error:
                raise _unreachable(error) from error
            except EyrieError as error:
                pause = self._pause(error, tries)
            await asyncio.sleep(pause)
            tries += 1

    async def search(
        self,
        query: Query,
        *,
        k: int | None = None,
        offset: int | None = None,
        min_score: float | None = None,
        filter: Filter | None = None,
        exact: bool | None = None,
        ef: int | None = None,
        verify: Verify | None = None,
        expand: bool | None = None,
        region: Region | None = None,
        include: SearchParts | None = None,
        group_by: str | None = None,
        fields: HitFields | None = None,
    ) -> SearchResult:
        """Searches by a picture (bytes or a path), by up to four of one thing, by the id of a stored one (a text), or by
        a descriptor.

        With ``group_by`` only the best of the pictures with the same value of that field of the metadata is a result;
        ``fields`` names what each result carries beside ``rank`` and ``id``, in place of the usual.
        """
        options: dict[str, Any] = dict(k=k, offset=offset, min_score=min_score, filter=filter, exact=exact, ef=ef)
        options.update(verify=verify, expand=expand, region=region, include=include, group_by=group_by, fields=fields)
        return cast(SearchResult, await self._send(requests.search(self.collection, query, options)))

    async def add(
        self,
        picture: Picture,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        replace: bool = False,
        on_duplicate: Literal["return", "reject", "allow"] | None = None,
        on_similar: Literal["ignore", "report", "reject"] | None = None,
        include: Sequence[Literal["cost"]] | None = None,
    ) -> Image:
        """Adds a picture; with ``replace``, it is stored under ``id`` over what is there."""
        options = dict(metadata=metadata, on_duplicate=on_duplicate, on_similar=on_similar, include=include)
        return cast(Image, await self._send(requests.add(self.collection, picture, id, replace, options)))

    async def get(self, id: str) -> Image:
        """The record of a picture."""
        return cast(Image, await self._send(Request("GET", requests.image_path(self.collection, id))))

    async def thumbnail(self, id: str) -> bytes:
        """A picture's small copy, at most 256 pixels wide and high."""
        response = await self._http.get(f"{requests.image_path(self.collection, id)}/thumbnail")
        if not response.is_success:
            raise EyrieError.of(response)
        return response.content

    async def list(
        self, *, sort: Sort | None = None, filter: Filter | None = None, limit: int | None = None
    ) -> AsyncIterator[Image]:
        """All pictures in order of id unless ``sort`` says otherwise, page by page as they are asked for."""
        cursor: str | None = None
        while True:
            page = await self._send(requests.page(self.collection, dict(sort=sort, filter=filter, limit=limit, cursor=cursor)))
            for image in page["images"]:
                yield image
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def update(self, id: str, metadata: Mapping[str, Any], *, if_match: int | None = None) -> Image:
        """Changes metadata by a merge patch: members that are None are taken away."""
        path, headers = requests.image_path(self.collection, id), requests.only_if(if_match)
        return cast(Image, await self._send(Request("PATCH", path, body={"metadata": metadata}, headers=headers)))

    async def delete(self, id: str, *, if_match: int | None = None) -> None:
        """Deletes a picture; with ``if_match`` only this revision of it."""
        path, headers = requests.image_path(self.collection, id), requests.only_if(if_match)
        await self._send(Request("DELETE", path, headers=headers))

    async def compare(
        self,
        a: Picture | str,
        b: Picture | str,
        *,
        profile: Profile | None = None,
        include: Sequence[Literal["cost", "overlay"]] | None = None,
    ) -> Comparison:
        """What two pictures have in common; each is a picture or the id of a stored one of this collection."""
        request = requests.compare(self.collection, a, b, dict(profile=profile, include=include))
        return cast(Comparison, await self._send(request))

    async def collections(self) -> Sequence[Collection]:
        """Every collection with its counts."""
        return cast(Sequence[Collection], (await self._send(Request("GET", "v1/collections")))["collections"])

    async def create_collection(
        self, *, profile: Profile | None = None, description: str | None = None
    ) -> Collection:
        """Creates this collection; the same call again changes nothing."""
        body = requests.there(dict(profile=profile, description=description))
        path = requests.collection_path(self.collection)
        return cast(Collection, await self._send(Request("PUT", path, body=body)))

    async def delete_collection(self) -> None:
        """Deletes this collection and all its pictures."""
        await self._send(Request("DELETE", requests.collection_path(self.collection)))
