"""Requests as the service takes them, the same for both clients."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

Picture: TypeAlias = bytes | PathLike[str]
"""An encoded picture, or the file that it is in."""


@dataclass(frozen=True)
class Descriptor:
    """The values of a descriptor, and the version that made it."""

    values: Sequence[float]
    version: str | None = None


Query: TypeAlias = Picture | Sequence[Picture] | str | Descriptor
"""What is searched for: a picture, up to four of one thing, the id of a stored one, or a descriptor."""


@dataclass(frozen=True)
class Request:
    """One call, which can be sent more than once."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    fields: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[tuple[str, tuple[str, bytes]]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """As httpx takes it."""
        sent: dict[str, Any] = {"params": self.params or None, "headers": dict(self.headers)}
        if self.pictures or self.fields:
            # Fields without files would not be multipart.
            plain = [(name, (None, value.encode())) for name, value in self.fields.items()]
            sent["files"] = plain + list(self.pictures)
        elif self.body is not None:
            sent["json"] = self.body
        return sent


def read(picture: Picture) -> tuple[str, bytes]:
    """Name and bytes of a picture."""
    if isinstance(picture, PathLike):
        path = Path(picture)
        return path.name, path.read_bytes()
    return "picture", picture


def there(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left out."""
    return {name: value for name, value in options.items() if value is not None}


def as_text(options: Mapping[str, Any]) -> dict[str, str]:
    """Options as a form or a query string has them."""

    def text(name: str, value: Any) -> str:
        if name in ("include", "fields", "region"):
            return ",".join(str(part) for part in value)
        return value if isinstance(value, str) else json.dumps(value)

    return {name: text(name, value) for name, value in there(options).items()}


def collection_path(collection: str, rest: str = "") -> str:
    return f"v1/collections/{quote(collection, safe='')}{rest}"


def image_path(collection: str, id: str) -> str:
    return collection_path(collection, f"/images/{quote(id, safe='')}")


def search(collection: str, query: Query, options: Mapping[str, Any]) -> Request:
    path = collection_path(collection, "/search")
    if isinstance(query, str):
        return Request("POST", path, body={"id": query, **there(options)})
    if isinstance(query, Descriptor):
        by = there({"descriptor": list(query.values), "version": query.version})
        return Request("POST", path, body=by | there(options))
    several = [query] if isinstance(query, bytes | PathLike) else query
    pictures = [("image", read(picture)) for picture in several]
    return Request("POST", path, fields=as_text(options), pictures=pictures)


def add(collection: str, picture: Picture, id: str | None, replace: bool, options: Mapping[str, Any]) -> Request:
    pictures = [("image", read(picture))]
    if not replace:
        path = collection_path(collection, "/images")
        return Request("POST", path, fields=as_text({"id": id, **options}), pictures=pictures)
    if id is None:
        raise TypeError("replace goes with an id")
    return Request("PUT", image_path(collection, id), fields=as_text(options), pictures=pictures)


def compare(collection: str, a: Picture | str, b: Picture | str, options: Mapping[str, Any]) -> Request:
    fields, pictures = as_text(options), []
    for side, picture in (("a", a), ("b", b)):
        if isinstance(picture, str):
            fields |= {f"{side}_id": picture, f"{side}_collection": collection}
        else:
            pictures.append((side, read(picture)))
    return Request("POST", "v1/compare", fields=fields, pictures=pictures)


def page(collection: str, options: Mapping[str, Any]) -> Request:
    return Request("GET", collection_path(collection, "/images"), params=as_text(options))


def only_if(revision: int | None) -> dict[str, str]:
    """The header that makes a change one of this revision only."""
    return {} if revision is None else {"if-match": f'"{revision}"'}
