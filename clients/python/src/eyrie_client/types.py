"""What the service answers, as TypedDicts. Written by generate.py from openapi.yaml; do not edit."""

from typing import Any, Literal, NotRequired, TypedDict

Filter = dict[str, Any]
"""A condition or a group of conditions on metadata; the contract describes it."""


class Chip(TypedDict):
    """A chip, and what follows from its numbers for the network."""

    name: str
    """What it is called."""

    source: str
    """Where its numbers come from."""

    engines: int
    """Convolution engines."""

    tile: int
    """Side of the square of pixels that an engine convolves at once."""

    image_buffer_bytes: int
    """Memory for the input and the output of a layer, in bytes."""

    weight_memory_bytes: int
    """Memory for the codes, multipliers and biases of the network, in bytes."""

    clock_mhz: float
    """Clock in megahertz."""

    energy_pj_per_mac: list[float]
    """Energy of a multiply-accumulate in picojoules, low and high estimate."""

    peak_macs_per_cycle: int
    """The most multiply-accumulates of a cycle."""

    largest_input: int
    """Pixels a side of the largest square image that the image buffer holds."""

    gives_descriptors: bool
    """Whether the image buffer holds passes of 224x224 pixels."""


ChipReport = TypedDict(
    "ChipReport",
    {
        "note": str,
        "chip": "Chip",
        "model": "Model",
        "pass": "Pass",
        "plan": NotRequired["Plan"],
        "what_if": NotRequired["Plan"],
    },
)
"""The chip, the model on it, and what describing an image costs."""


class Collection(TypedDict):
    """A collection with its counts."""

    name: str
    """Its unique name."""

    profile: Literal['fast', 'nip', 'rnip']
    """How images become network passes: `fast` is one pass over the whole image, `nip` four turns of
    it, `rnip` overlapping sub-images of a larger version plus `nip`."""

    description: str
    """A sentence for people."""

    created_at: str
    """When it was created."""

    images: NotRequired[int | None]
    """How many images it has; not in the answer to a creation or change."""

    stale_images: NotRequired[int | None]
    """How many of them were described by another model than the one that runs, and so are not found by
    searches."""


class CollectionList(TypedDict):
    """Every collection by name."""

    collections: list["Collection"]
    """The collections."""


class Cost(TypedDict):
    """What describing an image costs on the simulated chip. Time and energy are estimates."""

    passes: int
    """Passes through the network."""

    cycles: int
    """Chip cycles of all passes."""

    macs: int
    """Multiply-accumulates of all passes."""

    buffer_bytes: int
    """Largest use of the image buffer, in bytes."""

    chip_milliseconds: float
    """Time at the chip's clock, in milliseconds."""

    energy_millijoules: list[float]
    """Energy in millijoules, low and high estimate."""

    host_milliseconds: float
    """Time on this machine, decoding included, in milliseconds."""


class Hit(TypedDict):
    """One result."""

    rank: int
    """1 for the best of all; with an offset the first result has a higher rank."""

    id: str
    """The image's id."""

    score: float
    """Cosine of the descriptors, -1 to 1; 1 is identical."""

    verdict: str
    """What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate`
    (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part
    or look alike) or `different`."""

    verified: NotRequired[bool]
    """Whether the query shows the same thing as this image: some spots of both look alike and lie
    alike. Not there when the two were not compared."""

    inliers: NotRequired[int]
    """How many spots look alike and lie alike; 9 are needed. Not there when the two were not compared."""

    match: NotRequired["Match"]
    """Where they lie, for a verified result."""

    width: int
    """Width in pixels."""

    height: int
    """Height in pixels."""

    thumbnail_url: str
    """Where its small picture is."""

    metadata: NotRequired[dict[str, Any]]
    """The client's own data, unless left out by `include`."""

    record: NotRequired["Image"]
    """The whole record, where `include` asks for it."""


class Image(TypedDict):
    """A stored image."""

    collection: str
    """The collection it belongs to."""

    id: str
    """Its id, unique in the collection."""

    sha256: str
    """SHA-256 of the uploaded bytes in hexadecimal."""

    format: Literal['jpeg', 'png', 'webp', 'gif', 'bmp', 'tiff', 'avif', 'qoi', 'pnm', 'ico']

    width: int
    """Width in pixels."""

    height: int
    """Height in pixels."""

    byte_size: int
    """Size of the upload in bytes."""

    metadata: dict[str, Any]
    """The client's own data."""

    version: str
    """Model and profile of the stored descriptor."""

    revision: int
    """Grows with every change; the entity tag is this number in quotes."""

    created_at: str
    """When it was first stored."""

    updated_at: str
    """When it was last changed."""

    thumbnail_url: str
    """Where its small picture is."""

    cost: NotRequired["Cost"]
    """What describing it cost; in the answer to an upload that asks for it with `include`, unless
    nothing had to be described."""


class ImageList(TypedDict):
    """A page of images in order of id."""

    images: list["Image"]
    """The images."""

    next_cursor: NotRequired[str | None]
    """Give it as `cursor` to get the next page; not there on the last page."""


class Layer(TypedDict):
    """One layer of a pass."""

    name: str
    """Its name."""

    height: int
    """Rows of its input and output."""

    width: int
    """Columns of its input and output."""

    input_channels: int
    """Input channels."""

    output_channels: int
    """Output channels."""

    macs: int
    """Multiply-accumulates."""

    cycles: int
    """Chip cycles."""

    utilization: float
    """Multiply-accumulates over what the chip could do in these cycles, 0 to 1."""

    input_bytes: int
    """Bytes of the image buffer that its input takes."""

    output_bytes: int
    """Bytes of the image buffer that its output takes before it is pooled."""

    weight_bytes: int
    """Bytes of the weight memory that it takes."""

    chip_milliseconds: float
    """Time at the chip's clock, in milliseconds."""

    energy_millijoules: list[float]
    """Energy in millijoules, low and high estimate."""


class Match(TypedDict):
    """Where query and result show the same thing: four corners in order around it, (x, y) in fractions
    of the picture's width and height from its upper left corner, upright as its EXIF data say. The
    corners of one picture correspond to those of the other, in the same order."""

    quad_in_query: list[list[float]]
    """In the query, the whole image also where a region of it was searched for. It may reach beyond
    the border."""

    quad_in_result: list[list[float]]
    """In the result: an upright rectangle, clockwise from its upper left corner."""


class Model(TypedDict):
    """A model."""

    fingerprint: str
    """The model's part of the version that descriptors carry."""

    weights: int
    """Weights of all layers."""

    weight_bytes: int
    """Bytes of weight memory that it takes."""

    card: dict[str, Any]
    """The model card: origin, licence, accuracy. An object for the model that is built in, a text for
    one whose card is no JSON."""


class Pass(TypedDict):
    """One pass of the network."""

    input_side: int
    """Pixels a side of the square image."""

    layers: list["Layer"]
    """Layer by layer."""

    macs: int
    """Multiply-accumulates."""

    cycles: int
    """Chip cycles."""

    utilization: float
    """Multiply-accumulates over what the chip could do in these cycles, 0 to 1."""

    buffer_bytes: int
    """Bytes of the image buffer that the largest layer's input and output take."""

    chip_milliseconds: float
    """Time at the chip's clock, in milliseconds."""

    energy_millijoules: list[float]
    """Energy in millijoules, low and high estimate."""


class Plan(TypedDict):
    """How an image is described on the chip, and what it costs."""

    width: int
    """Columns of the image."""

    height: int
    """Rows of the image."""

    input_side: int
    """Pixels a side of each pass."""

    canvas_width: int
    """Columns of the canvas that `rnip` scales the image to."""

    canvas_height: int
    """Rows of the canvas."""

    sub_images: list["SubImage"]
    """The sub-images that `rnip` cuts from the canvas, row by row."""

    profiles: list["ProfileCost"]
    """What each profile costs, cheapest first."""


class Problem(TypedDict):
    """A failure (RFC 9457). `code` is stable and meant for programs, `detail` is a sentence for
    people."""

    type: str
    """Names the kind of failure."""

    title: str
    """The kind of failure in a few words."""

    status: int
    """The HTTP status."""

    detail: str
    """What is wrong with this request."""

    code: Literal['route_not_found', 'method_not_allowed', 'invalid_path', 'invalid_utf8', 'invalid_json', 'invalid_request', 'invalid_multipart', 'incomplete_body', 'unknown_field', 'duplicate_field', 'out_of_range', 'invalid_precondition', 'cross_origin', 'unsupported_media_type', 'upload_too_large', 'body_timeout', 'invalid_collection_name', 'invalid_image_id', 'unknown_collection', 'unknown_image', 'collection_exists', 'default_collection', 'id_taken', 'duplicate_image', 'precondition_failed', 'missing_image', 'multiple_images', 'invalid_base64', 'image_empty', 'not_an_image', 'image_truncated', 'image_corrupt', 'unsupported_image_format', 'image_too_many_pixels', 'image_zero_sized', 'image_aspect_ratio', 'invalid_metadata', 'metadata_too_large', 'metadata_too_deep', 'missing_query', 'ambiguous_query', 'invalid_filter', 'invalid_cursor', 'invalid_descriptor', 'descriptor_length', 'descriptor_not_finite', 'descriptor_zero', 'invalid_region', 'region_too_small', 'invalid_version', 'not_verifiable', 'version_mismatch', 'overloaded', 'not_ready', 'shutting_down', 'request_timeout', 'database_unavailable', 'database_read_only', 'database_full', 'index_full', 'internal_error']
    """The kind of failure for programs. New codes may be added, none is renamed."""

    request_id: str
    """The id under which the log has this request."""


class ProfileCost(TypedDict):
    """What a profile costs for an image."""

    profile: "Profile"
    """The profile."""

    passes: int
    """Passes of the network."""

    macs: int
    """Multiply-accumulates of all passes."""

    cycles: int
    """Chip cycles of all passes."""

    chip_milliseconds: float
    """Time at the chip's clock, in milliseconds."""

    energy_millijoules: list[float]
    """Energy in millijoules, low and high estimate."""


class Readiness(TypedDict):
    """What the service waits for. A 503 has the same members beside those of a problem."""

    ready: bool
    """Whether requests can be answered now."""

    store: str
    """`ok`, or what is wrong with the database."""

    index: str
    """`ok`, or what the index is doing."""

    workers: str
    """`ok`, or `shutting down`."""


class SearchResult(TypedDict):
    """The answer to a search."""

    results: list["Hit"]
    """Best first: what is verified, by falling `inliers`, then the rest by falling `score`; ties in
    order of score, then id."""

    version: str
    """Model and profile of the descriptors that were compared."""

    took_ms: "Took"
    """Where the time went."""

    compared: NotRequired[int]
    """How many of the first results were compared with the query; 0 for a page behind them, and not
    there when nothing was to be verified."""

    cost: NotRequired["Cost"]
    """What describing the query image cost; not there when nothing had to be described."""

    query_thumbnail: NotRequired[str]
    """A small JPEG of the query image as it was seen (upright, over its ground, in sRGB, cut to the
    region), as a `data:` URL. Where `include` asks for it and the query is an image."""


class SubImage(TypedDict):
    """A sub-image, by its upper left corner on the canvas."""

    x: int
    """Columns left of it."""

    y: int
    """Rows above it."""


class Took(TypedDict):
    """Where the time went, in milliseconds."""

    total: float
    """The whole call after its body had arrived."""

    index: float
    """In the index."""

    verify: NotRequired[float]
    """Verifying: looking for spots in the query image, reading those of the first results and
    comparing; not there when nothing was to be verified."""

    describe: NotRequired[float]
    """Describing the query image; not there when nothing had to be described."""


Profile = Literal['fast', 'nip', 'rnip']
"""How images become network passes: `fast` is one pass over the whole image, `nip` four turns of
it, `rnip` overlapping sub-images of a larger version plus `nip`."""
