"""A client of Eyrie: add pictures to a collection and search it by another picture."""

from .client import AsyncEyrie, Eyrie
from .error import EyrieError
from .requests import Descriptor, Picture
from .types import Collection, ComparedImage, Comparison, Filter, Hit, Image, Match, SearchResult

__all__ = [
    "AsyncEyrie",
    "Collection",
    "ComparedImage",
    "Comparison",
    "Descriptor",
    "Eyrie",
    "EyrieError",
    "Filter",
    "Hit",
    "Image",
    "Match",
    "Picture",
    "SearchResult",
]
