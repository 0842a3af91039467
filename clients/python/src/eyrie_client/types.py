"""What the service answers, as TypedDicts. Written by generate.py from openapi.yaml; do not edit."""

from typing import Any, Literal, NotRequired, TypedDict

Filter = dict[str, Any]
"""A condition or a group of conditions on metadata; the contract describes it."""


class ApiKey(TypedDict):
    """An API key, without the key itself."""

    id: str
    """Its public name."""

    label: str
    """What people call it."""

    scope: Literal['search', 'read', 'write', 'admin']
    """What it may do. Each scope may do what those before it may: search, read, write, admin."""

    collections: NotRequired[list[str]]
    """The collections that exist for it; not there where all do."""

    origins: list[str]
    """The origins of the pages that may use it; with none it is a secret of programs."""

    max_images: NotRequired[int]
    """The most images of those that it stored that may be there; not there where that has no limit."""

    max_bytes: NotRequired[int]
    """The most bytes that their uploads may have; not there where that has no limit."""

    images: int
    """How many images that it stored are there."""

    bytes: int
    """How many bytes their uploads have."""

    created_at: str
    """When it was made."""

    expires_at: NotRequired[str]
    """From when on it is not taken any more."""

    last_used_at: NotRequired[str]
    """When it was last used, to the minute."""

    revoked_at: NotRequired[str]
    """When it was taken back."""


class ApiKeyList(TypedDict):
    """Every key, the oldest first."""

    keys: list["ApiKey"]
    """The keys; those that expired or were revoked are among them for a while."""


class BatchedImage(TypedDict):
    """What became of one image of a batch."""

    status: int
    """The HTTP status that an upload of this image alone would have had: 201 where it was stored, 200
    where the same bytes were there, otherwise that of the problem."""

    image: NotRequired["Image"]
    """The record of a stored image."""

    problem: NotRequired["Problem"]
    """Why it is not stored."""


class BatchedSearch(TypedDict):
    """What became of one search of a batch."""

    status: int
    """The HTTP status that this search alone would have had."""

    result: NotRequired["SearchResult"]
    """Its answer."""

    problem: NotRequired["Problem"]
    """Why it has none."""


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

    max_images: NotRequired[int]
    """The most images that it may have; not there where that has no limit."""

    max_bytes: NotRequired[int]
    """The most bytes that their uploads may have; not there where that has no limit."""

    images: NotRequired[int | None]
    """How many images it has; not in the answer to a creation or change."""

    bytes: NotRequired[int | None]
    """How many bytes their uploads have, kept or not."""

    stale_images: NotRequired[int | None]
    """How many of them were described by another model than the one that runs, and so are not found by
    searches."""

    originals: NotRequired[int | None]
    """Of how many of them the originals are kept."""

    original_bytes: NotRequired[int | None]
    """How many bytes these originals have."""


class CollectionList(TypedDict):
    """Every collection by name."""

    collections: list["Collection"]
    """The collections."""


class ComparedImage(TypedDict):
    """One of the two pictures."""

    width: int
    """Width in pixels, upright as its EXIF data say."""

    height: int
    """Height in pixels, upright as its EXIF data say."""

    outline_in_other: NotRequired[list[list[float]]]
    """The outline of this picture in pixels of the other one: its upper left, upper right, lower right
    and lower left corner. It may reach beyond the other picture."""

    cost: NotRequired["Cost"]
    """What describing it cost, where `include` asks for it; not there for a stored image."""


class Comparison(TypedDict):
    """What two pictures have in common."""

    score: float
    """The score that the second picture has in a search by the first, -1 to 1; 1 is identical."""

    verdict: Literal['same', 'near_duplicate', 'similar', 'different']
    """What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate`
    (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part
    or look alike) or `different`."""

    verified: NotRequired[bool]
    """Whether the two show the same thing: some spots of both look alike and lie alike. Not there
    where a stored image has no local features."""

    inliers: NotRequired[int]
    """How many spots look alike and lie alike; 9 are needed."""

    confidence: NotRequired[float]
    """How likely both show one and the same thing, and not variants of it, 0 to 1: from the inliers,
    their place, and the pixels of both. Not there where they are not verified."""

    mirrored: NotRequired[bool]
    """Whether the two show it mirrored, left and right exchanged. Only there where they do."""

    a: "ComparedImage"
    """The first picture."""

    b: "ComparedImage"
    """The second picture."""

    version: str
    """Model and profile of the descriptors that were compared."""

    overlay: NotRequired[str]
    """A PNG as a `data:` URL: both pictures side by side, the outline of each in the other, and a line
    for each spot that both show. Where `include` asks for it."""


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


class Deletion(TypedDict):
    """What became of a deletion of many."""

    matched: int
    """Images that were selected and there."""

    deleted: int
    """Images that were deleted: none of a dry run. Less than `matched` where some changed or went away
    meanwhile, or where time ran out."""

    missing: int
    """Ids under which nothing was stored."""

    remaining: int
    """Images for which there was no time: send the request again."""

    dry_run: bool
    """Whether it only counted."""


class Descriptor(TypedDict):
    """What a picture looks like, as numbers."""

    descriptor: list[float]
    """The values, of unit norm: the cosine of two descriptors of one version is the sum of the
    products of their values."""

    version: str
    """Model and profile that made it. Descriptors of two versions are never compared."""

    dimension: int
    """How many values there are."""

    format: Literal['jpeg', 'png', 'webp', 'gif', 'bmp', 'tiff', 'avif', 'jxl', 'qoi', 'pnm', 'ico']

    width: int
    """Width in pixels of what was described, upright as its EXIF data say."""

    height: int
    """Height in pixels of what was described, upright as its EXIF data say."""

    cost: "Cost"
    """What describing it cost."""

    warnings: list["Warning"]
    """What to know of it; often nothing."""


class DuplicateGroup(TypedDict):
    """Images that show the same thing: each of them is a duplicate of another one, and so need not be
    one of all others."""

    id: str
    """The id of its oldest image, which stays when images come."""

    size: int
    """How many images it had when it was found."""

    images: list["DuplicateImage"]
    """The first hundred of those that are still there; the best comes first: that of most pixels, then
    the oldest."""


class DuplicateGroupList(TypedDict):
    """A page of groups, the largest first."""

    groups: list["DuplicateGroup"]
    """The groups; fewer than asked for where images are gone."""

    next_cursor: NotRequired[str | None]
    """Give it as `cursor` to get the next page; not there on the last page."""


class DuplicateImage(TypedDict):
    """An image of a group."""

    id: str
    """Its id."""

    score: float
    """Cosine of its descriptor and that of its nearest other image of the group."""

    verdict: Literal['same', 'near_duplicate', 'similar', 'different']
    """What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate`
    (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part
    or look alike) or `different`."""

    width: int
    """Width in pixels."""

    height: int
    """Height in pixels."""

    byte_size: int
    """Size of the upload in bytes."""

    created_at: str
    """When it was first stored."""

    revision: int
    """Grows with every change; in quotes it is the entity tag that `If-Match` takes."""

    thumbnail_url: str
    """Where its small picture is."""

    metadata: dict[str, Any]
    """The client's own data."""


class Hit(TypedDict):
    """One result."""

    rank: int
    """1 for the best of all; with an offset the first result has a higher rank."""

    id: str
    """The image's id."""

    score: NotRequired[float]
    """Cosine of the image's descriptor and the query's, -1 to 1; 1 is identical. Of a query image
    under `rnip` it is the largest of several: that of the whole, and that of the whole together
    with each of its sub-images. Not there, as any other member but `id` and `rank`, where `fields`
    leaves it out."""

    verdict: NotRequired[Literal['same', 'near_duplicate', 'similar', 'different']]
    """What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate`
    (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part
    or look alike) or `different`."""

    verified: NotRequired[bool]
    """Whether the query shows the same thing as this image: some spots of both look alike and lie
    alike. Not there when the two were not compared."""

    inliers: NotRequired[int]
    """How many spots look alike and lie alike; 9 are needed. Not there when the two were not compared."""

    confidence: NotRequired[float]
    """How likely both show one and the same thing, and not variants of it, 0 to 1: from the inliers,
    their place, and the pixels of both. In a search, results that are variants of one design are
    weighed against each other too, so it may differ from what `compare` says of the two alone. Not
    there where they are not verified, nor beyond the 24 results with the most inliers (of each
    image of the query)."""

    match: NotRequired["Match"]
    """Where they lie, for a verified result."""

    cells: NotRequired[int]
    """How many cells of the network's middle map look alike and lie alike in both, 2 to 256: less sure
    than `inliers`, so that no verdict follows from it, but it puts what is not verified in order,
    before others of a higher score. Only there where the two were compared and not verified, and
    have such cells (profile `rnip`)."""

    width: NotRequired[int]
    """Width in pixels."""

    height: NotRequired[int]
    """Height in pixels."""

    thumbnail_url: NotRequired[str]
    """Where its small picture is."""

    original_url: NotRequired[str]
    """Where the upload itself is, where it is kept."""

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

    format: Literal['jpeg', 'png', 'webp', 'gif', 'bmp', 'tiff', 'avif', 'jxl', 'qoi', 'pnm', 'ico']

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

    original_url: NotRequired[str]
    """Where the upload itself is, where it is kept."""

    cost: NotRequired["Cost"]
    """What describing it cost; in the answer to an upload that asks for it with `include`, unless
    nothing had to be described."""

    similar: NotRequired[list["SimilarImage"]]
    """What the collection had that is similar, at most 10 images in the order of a search; in the
    answer to an upload that asks for it with `on_similar` and was stored anew."""


class ImageBatch(TypedDict):
    """What became of the images of a batch."""

    results: list["BatchedImage"]
    """One for each image, in the order in which they came."""

    created: int
    """How many were stored now."""

    existing: int
    """How many were there already."""

    failed: int
    """How many are not stored."""


class ImageCount(TypedDict):
    """How many images there are."""

    count: int
    """Images of the collection, of those that match the filter where there is one."""


class ImageList(TypedDict):
    """A page of images."""

    images: list["Image"]
    """The images."""

    next_cursor: NotRequired[str | None]
    """Give it as `cursor` to get the next page; not there on the last page."""


class ImportFailure(TypedDict):
    """A line, or an entry of an archive, that was not taken."""

    line: int
    """Its number, from 1."""

    path: NotRequired[str]
    """The path of an entry of an archive."""

    code: str
    """The kind of failure, as in problem documents."""

    detail: str
    """What is wrong with it."""


class ImportResult(TypedDict):
    """What an import came to."""

    stored: int
    """Images that are new."""

    replaced: int
    """Images in whose place others are."""

    unchanged: int
    """Images that were there just so; of an archive, pictures whose bytes were there."""

    skipped: int
    """Entries of an archive that are no pictures."""

    failed: int
    """Lines or entries that were not taken."""

    skips: list["ImportSkip"]
    """The first of those that were skipped."""

    failures: list["ImportFailure"]
    """The first of those that were not taken."""


class ImportSkip(TypedDict):
    """An entry of an archive that is no picture."""

    line: int
    """Its number, from 1."""

    path: str
    """Its path."""

    reason: Literal['not_an_image', 'archive', 'link', 'special']
    """What it is. New reasons may be added."""


class Job(TypedDict):
    """Work in the background. It goes on after a restart of the service where it was, and is done once
    however many instances share the database."""

    id: str
    """Its id; later jobs have later ids."""

    kind: Literal['duplicates', 'import', 'export', 'reindex']
    """What it does. New kinds may be added."""

    collection: str
    """In which collection."""

    params: dict[str, Any]
    """How."""

    state: Literal['queued', 'running', 'done', 'failed', 'cancelled']
    """How far it is."""

    done: int
    """Steps that are done: images that were looked up, looked at or written; of an import, images of
    an export or entries of an archive."""

    total: NotRequired[int]
    """Steps there are, once that is known."""

    rate: NotRequired[float]
    """Steps a second."""

    seconds_left: NotRequired[float]
    """How long it will take yet, in seconds, while it runs."""

    result: NotRequired[dict[str, Any]]
    """What it came to, once it is done."""

    error: NotRequired[str]
    """Why it failed."""

    created_at: str
    """When it was asked for."""

    started_at: NotRequired[str]
    """When it was begun."""

    finished_at: NotRequired[str]
    """When it ended."""


class JobList(TypedDict):
    """A page of jobs, the newest first."""

    jobs: list["Job"]
    """The jobs."""

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


class MadeKey(TypedDict):
    """A key that was made."""

    secret: str
    """The key itself. It is shown this once: only its checksum is stored."""

    key: "ApiKey"
    """All else of it."""


class Match(TypedDict):
    """Where query and result show the same thing: four corners in order around it, (x, y) in fractions
    of the picture's width and height from its upper left corner, upright as its EXIF data say. The
    corners of one picture correspond to those of the other, in the same order."""

    quad_in_query: list[list[float]]
    """In the query, the whole image also where a region of it was searched for. It may reach beyond
    the border."""

    quad_in_result: list[list[float]]
    """In the result: an upright rectangle, clockwise from its upper left corner."""

    mirrored: NotRequired[bool]
    """Whether the two show it mirrored, left and right exchanged. Only there where they do."""

    query_image: NotRequired[int]
    """Which image of the query it is, 1 for the first: the one that has most in common with the
    result. Only there where the query has several."""


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

    code: Literal['route_not_found', 'method_not_allowed', 'invalid_path', 'invalid_utf8', 'invalid_json', 'invalid_request', 'invalid_multipart', 'incomplete_body', 'unknown_field', 'duplicate_field', 'out_of_range', 'invalid_precondition', 'invalid_idempotency_key', 'idempotency_key_reused', 'idempotency_key_running', 'cross_origin', 'range_not_satisfiable', 'missing_key', 'invalid_key', 'ambiguous_key', 'insufficient_scope', 'origin_not_allowed', 'rate_limited', 'too_many_at_once', 'unsupported_media_type', 'upload_too_large', 'body_timeout', 'invalid_collection_name', 'invalid_image_id', 'unknown_collection', 'unknown_image', 'collection_exists', 'default_collection', 'no_original', 'id_taken', 'duplicate_image', 'similar_exists', 'precondition_failed', 'unsupported_export', 'invalid_record', 'incomplete_import', 'invalid_archive', 'invalid_entry', 'storage_full', 'unknown_job', 'too_many_jobs', 'no_groups', 'no_result', 'invalid_range', 'export_too_large', 'unknown_key', 'too_many_keys', 'missing_image', 'multiple_images', 'invalid_base64', 'image_empty', 'not_an_image', 'image_truncated', 'image_corrupt', 'unsupported_image_format', 'image_too_many_pixels', 'image_zero_sized', 'image_aspect_ratio', 'invalid_metadata', 'metadata_too_large', 'metadata_too_deep', 'missing_query', 'ambiguous_query', 'invalid_filter', 'invalid_cursor', 'invalid_descriptor', 'descriptor_length', 'descriptor_not_finite', 'descriptor_zero', 'invalid_region', 'region_too_small', 'invalid_version', 'not_verifiable', 'version_mismatch', 'overloaded', 'not_ready', 'shutting_down', 'request_timeout', 'database_unavailable', 'database_read_only', 'database_full', 'quota_exceeded', 'index_full', 'originals_unavailable', 'originals_full', 'internal_error']
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


class SearchBatchResult(TypedDict):
    """What became of the searches of a batch."""

    results: list["BatchedSearch"]
    """One for each search, in the order in which they came."""


class SearchResult(TypedDict):
    """The answer to a search."""

    results: list["Hit"]
    """Best first: what is verified, by falling likelihood, then the rest by falling `score`; ties in
    order of score, then id."""

    partial: NotRequired[bool]
    """`true` where images may be missing, since the index is being built and
    `index.serve_while_building` lets searches see what is there; otherwise not there."""

    version: str
    """Model and profile of the descriptors that were compared."""

    took_ms: "Took"
    """Where the time went."""

    compared: NotRequired[int]
    """How many of the first results were compared with the query; 0 for a page behind them, and not
    there when nothing was to be verified."""

    cost: NotRequired["Cost"]
    """What describing the query image cost, or all of them; not there when nothing had to be
    described."""

    query_thumbnail: NotRequired[str]
    """A small JPEG of the query image as it was seen (upright, over its ground, in sRGB, cut to the
    region), as a `data:` URL; of several the first one. Where `include` asks for it and the query
    is an image."""


class SimilarImage(TypedDict):
    """An image that was there and is similar to an upload."""

    id: str
    """Its id."""

    score: float
    """Cosine of the descriptors, -1 to 1; 1 is identical."""

    verdict: Literal['same', 'near_duplicate', 'similar', 'different']
    """What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate`
    (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part
    or look alike) or `different`."""

    thumbnail_url: str
    """Where its small picture is."""


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
    """Verifying: looking for spots in the query, reading those of the first results and comparing; not
    there when nothing was to be verified."""

    describe: NotRequired[float]
    """Describing the query image, or all of them; not there when nothing had to be described."""


class Warning(TypedDict):
    """Something to know of a descriptor that is none the less valid."""

    code: str
    """The kind for programs. `small_picture`: what was described has fewer pixels than the network
    looks at. New codes may be added."""

    detail: str
    """A sentence for people."""


Export = str
"""JSON objects, one a line. The first has `type` `header`, `format_version` 1, the `collection`
with its `description`, the `version` of its descriptors, how many `images` it has, and `after`.
Then comes a line of `type` `image` for each image in order of id: `id`, `sha256`, `format`,
`width`, `height`, `byte_size`, `metadata`, `version`, `created_at`, `updated_at`, `descriptor`
(little-endian 32-bit floats as base64), `local_features` (base64, or null), and `thumbnail`
with `media_type` and `bytes` (base64). The last one has `type` `end` and says how many lines of
`images` there are: without it the export was cut."""


ExportArchive = str
"""A tar with the lines of the export in files `records/00000000.ndjson` and so on, which joined in
this order are an export as lines, and with `thumbnails/ID.jpeg` beside them."""


ExportPart = str
"""Some bytes of the lines of an export."""


Profile = Literal['fast', 'nip', 'rnip']
"""How images become network passes: `fast` is one pass over the whole image, `nip` four turns of
it, `rnip` overlapping sub-images of a larger version plus `nip`."""
