"""What the OpenAPI document cannot say, for scripts/contract-test.

Requests come from the document alone, except for pictures, archives and exports, which must be real ones, for the length and the version of
descriptors, which the model decides, for lines of JSON, and for bounds on two values together. Whatever else is refused though the document
allows it is a fault of the document or of the service, and not to be put right here.
"""

import base64
import copy
import io
import itertools
import json
import os
import re
import struct
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.transport.serialization import Binary

SERVER = os.environ["EYRIE_CONTRACT_URL"]
KEY = os.environ["EYRIE_CONTRACT_KEY"]
FIXTURES = Path(__file__).parent.parent / "fixtures"

# A collection of the quickest profile, and what is in it.
COLLECTION = "contract"
STORED = [f"stored-{number}" for number in range(4)]
# Names in the document's examples. Collections of these names can have a slow profile.
EXAMPLES = ("default", "covers")

NAME = re.compile(r"[a-z0-9_-]{1,64}")
VERSION = re.compile(r"[0-9a-f]+/(fast|nip|rnip)")
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")

# The service's limits.max_results.
MAX_RESULTS = 1000
# Descriptors have 32-bit values.
LARGEST_FLOAT = 3.4e38


def png(width: int, height: int, shift: int) -> bytes:
    """A small picture in colours."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (
        b"\0" + bytes(n % 256 for x in range(width) for n in (8 * x, 7 * y, x * y + shift)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


PNGS = [png(24, 32, 0), png(25, 32, 40)]
PICTURES = [*PNGS, (FIXTURES / "progressive.jpg").read_bytes()]
OCTETS = "application/octet-stream"
NDJSON = "application/x-ndjson"

# The service looks at the bytes, not at the kind of image that the type names.
for media_type in ("image/png", "image/jpeg", "image/gif", "image/webp", OCTETS):
    schemathesis.openapi.media_type(media_type, st.sampled_from(PICTURES))



def packed(kind: str) -> bytes:
    """An archive with the pictures and something that is none."""
    files = [*((f"{number}.png", picture) for number, picture in enumerate(PNGS)), ("notes.txt", b"no picture")]
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files:
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=out, mode=f"w:{kind}") as archive:
            for name, content in files:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


ARCHIVES = {"application/zip": packed("zip"), "application/x-tar": packed(""), "application/gzip": packed("gz")}
for media_type, archive in ARCHIVES.items():
    schemathesis.openapi.media_type(media_type, st.just(archive))

LINES = [json.dumps({"image": base64.b64encode(picture).decode(), "metadata": {"year": 1979}}) for picture in PNGS]


def call(method: str, path: str, body: Any) -> Any:
    """The service's answer to a JSON request, failures included."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(SERVER + path, json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as failure:
        return json.load(failure)


def fill() -> tuple[str, int]:
    """Stores the images; returns the version and the length of their descriptors."""
    base = f"/v1/collections/{COLLECTION}"
    call("PUT", base, {"profile": "fast"})
    version = ""
    for number, name in enumerate(STORED):
        body = {"image": base64.b64encode(PNGS[number % 2]).decode(), "metadata": {"year": 1979 + number}}
        version = call("PUT", f"{base}/images/{name}", body)["version"]
    # "a descriptor of 1 values was given where 768 are needed"
    problem = call("POST", f"{base}/search", {"descriptor": [1]})
    return version, max(int(number) for number in re.findall(r"\d+", problem["detail"]))


DESCRIPTOR_VERSION, DIMENSION = fill()


def exported() -> bytes:
    """The lines of an export, which the document calls a text."""
    request = urllib.request.Request(f"{SERVER}/v1/collections/{COLLECTION}/export", headers={"x-api-key": KEY})
    with urllib.request.urlopen(request) as response:
        return response.read()


EXPORT = exported()
schemathesis.openapi.media_type(NDJSON, st.just(EXPORT))
covering_searches = itertools.count()
raw_searches = itertools.count()
form_searches = itertools.count()
keys = itertools.count()


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST_FLOAT


def is_valid(case: Case, part: ParameterLocation) -> bool:
    """Whether a part of the request is meant to obey the document."""
    info = case.meta.components.get(part) if case.meta else None
    return info is None or info.mode.is_positive


def keep_quick(case: Case) -> None:
    """Has pictures described by the quickest profile, in the collection that has it, which nothing deletes."""
    name = case.path_parameters.get("collection") if case.path_parameters else None
    if isinstance(name, str) and NAME.fullmatch(name):
        inside = case.path != "/v1/collections/{collection}"
        stateful = case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL
        if inside and (not stateful or name in EXAMPLES):
            case.path_parameters["collection"] = COLLECTION
        elif case.method == "DELETE" and name == COLLECTION:
            case.path_parameters["collection"] = "not-there"
    if case.path in ("/v1/compare", "/v1/descriptors"):
        describe_quickly(case)
    if case.operation.label == "PUT /v1/collections/{collection}" and is_valid(case, ParameterLocation.BODY):
        if isinstance(case.body, dict) and name not in EXAMPLES:
            case.body["profile"] = "fast"


def leave_room(case: Case) -> None:
    """Raises the limits of a collection so far that what other requests store there fits."""
    if case.path == "/v1/collections/{collection}" and isinstance(case.body, dict) and is_valid(case, ParameterLocation.BODY):
        for name in ("max_images", "max_bytes"):
            if is_number(case.body.get(name)):
                case.body[name] = max(case.body[name], 1 << 40)


def describe_quickly(case: Case) -> None:
    """Has the query, or else the body, name the quickest profile, unless the profile is what is wrong."""
    if case.query and "profile" in case.query:
        if is_valid(case, ParameterLocation.QUERY):
            case.query["profile"] = "fast"
    elif isinstance(case.body, dict):
        if is_valid(case, ParameterLocation.BODY):
            case.body["profile"] = "fast"
    elif is_valid(case, ParameterLocation.QUERY):
        case.query = {**(case.query or {}), "profile": "fast"}


def is_spared(case: Case) -> bool:
    """Whether this is one of the valid searches by a picture that are left out for the time that describing it takes.

    Of those that the coverage phase makes, for every field in every form that a search has, one of ten is kept; of the
    others by a form one of three.
    """
    if case.meta is None or not case.path.endswith("/search") or case.meta.generation.mode.is_negative:
        return False
    by_picture = "image" in case.body if isinstance(case.body, dict) else isinstance(case.body, (bytes, Binary))
    if by_picture and case.meta.phase.name == TestPhase.COVERAGE:
        return next(covering_searches) % 10 != 0
    return case.media_type == "multipart/form-data" and next(form_searches) % 3 != 0


def spare_the_chip(case: Case) -> None:
    """Makes three of four searches by a raw picture searches by a stored one: their query is what they are about."""
    if not case.path.endswith("/search") or not isinstance(case.body, (bytes, Binary)):
        return
    if next(raw_searches) % 4:
        case.media_type, case.body = "application/json", {"id": STORED[0]}
        if case.query:
            case.query.pop("region", None)


def say_once(case: Case) -> None:
    """Leaves each option in the query or in the body: two values of one option are refused."""
    if not isinstance(case.body, dict):
        return
    params = case.body.get("params")
    if not is_valid(case, ParameterLocation.BODY):
        # Any part of the body may be what is wrong.
        for part in (case.body, params):
            if isinstance(part, dict) and case.query:
                keep_first(part, case.query)
        return
    if isinstance(params, dict):
        keep_first(case.body, params)
        if case.query:
            keep_first(case.query, params)
    if case.query:
        first, second = (case.query, case.body) if not is_valid(case, ParameterLocation.QUERY) else (case.body, case.query)
        keep_first(first, second)


def keep_first(first: dict[str, Any], second: dict[str, Any]) -> None:
    for name in set(first) & set(second):
        del second[name]


def name_once(case: Case) -> None:
    """Gives each request a name of its own: another request under the same name is refused."""
    if case.headers and "Idempotency-Key" in case.headers and is_valid(case, ParameterLocation.HEADER):
        case.headers["Idempotency-Key"] = f"contract-{next(keys)}"


def fit_cursor(case: Case) -> None:
    """Makes a cursor one of the order of the list: the document cannot say how the two go together."""
    cursor = case.query.get("cursor")
    if isinstance(cursor, str) and is_valid(case, ParameterLocation.QUERY):
        id = re.sub("^[cu]00[0-9a-f]{14}", "", cursor)
        order = str(case.query.get("sort", "id")).lstrip("-")
        case.query["cursor"] = {"created": "c0006000000000000", "updated": "u0006000000000000"}.get(order, "") + id


def use_one_precondition(case: Case) -> None:
    """Leaves one of two preconditions, and of it what it can be: schemathesis calls "0" valid as well."""
    if case.method == "GET" or not case.headers or not is_valid(case, ParameterLocation.HEADER):
        return
    if "If-Match" in case.headers:
        case.headers.pop("If-None-Match", None)
    for name in {"If-Match", "If-None-Match"} & set(case.headers):
        if case.headers[name] == "0":
            case.headers[name] = "*"


def put_picture(case: Case) -> None:
    image = case.body["image"]
    if isinstance(image, list) and case.path.endswith("/search"):
        put_pictures(case)
    if not isinstance(image, (str, bytes, Binary)):
        return
    picture = PICTURES[len(image) % len(PICTURES)]
    if case.media_type != "application/json":
        # Invalid forms have their pictures too, unless it is empty.
        if image or is_valid(case, ParameterLocation.BODY):
            case.body["image"] = Binary(picture)
    elif is_valid(case, ParameterLocation.BODY) or (image and BASE64.fullmatch(image)):
        case.body["image"] = base64.b64encode(picture).decode()


def put_pictures(case: Case) -> None:
    """Several of one thing; a single one where a region goes with it."""
    if not is_valid(case, ParameterLocation.BODY):
        return
    given = (case.body, case.body.get("params"), case.query)
    has_region = any(isinstance(fields, dict) and fields.get("region") for fields in given)
    pictures = [PNGS[number % 2] for number in range(1 if has_region else len(case.body["image"]))]
    is_json = case.media_type == "application/json"
    case.body["image"] = [base64.b64encode(picture).decode() if is_json else Binary(picture) for picture in pictures]


def put_two_pictures(case: Case) -> None:
    """The two of a comparison: parts of a form, or objects of JSON."""
    if not is_valid(case, ParameterLocation.BODY):
        return
    for name, picture in zip(("a", "b"), PNGS, strict=True):
        side = case.body.get(name)
        if isinstance(side, dict) and "image" in side:
            side["image"] = base64.b64encode(picture).decode()
        elif side is not None and not isinstance(side, dict):
            case.body[name] = Binary(picture)


def put_batch(case: Case) -> None:
    """A few pictures, and as JSON, which is what a list is in a form, as much as goes with them."""
    images, items = case.body.get("image"), case.body.get("items")
    if is_valid(case, ParameterLocation.BODY):
        case.body["image"] = [Binary(PNGS[number % 2]) for number in range(min(len(images), 3))]
        items = items[: len(case.body["image"])] if items is not None else None
    if isinstance(items, list):
        case.body["items"] = json.dumps(items)


def is_unsayable(case: Case) -> bool:
    """Whether this is a form in which images are to be something else than a list of files: every part is one."""
    if not case.path.endswith(("/images:batch", "/search")) or case.media_type != "multipart/form-data" or not isinstance(case.body, dict):
        return False
    images = case.body.get("image", [])
    return not isinstance(images, list) or not all(isinstance(image, (str, bytes, Binary)) for image in images)


def put_raw_picture(case: Case) -> None:
    """Puts a picture where the document cannot say more than that the body is one."""
    if case.media_type == NDJSON and case.body is not NOT_SET and is_valid(case, ParameterLocation.BODY):
        case.body = Binary(EXPORT if case.path.endswith("/import") else "\n".join(LINES).encode())
        return
    if case.media_type in ARCHIVES and case.body is not NOT_SET and is_valid(case, ParameterLocation.BODY):
        case.body = Binary(ARCHIVES[case.media_type])
        return
    raw = case.media_type is not None and (case.media_type.startswith("image/") or case.media_type == OCTETS)
    if raw and case.body is not NOT_SET and is_valid(case, ParameterLocation.BODY):
        case.body = Binary(PICTURES[len(str(case.body)) % len(PICTURES)])


def put_descriptor(case: Case) -> None:
    if not is_valid(case, ParameterLocation.BODY):
        return
    values = case.body["descriptor"]
    if isinstance(values, str):
        values = json.loads(values)
    # The first value keeps it from being all zeros.
    values = [1, *itertools.islice(itertools.cycle(values or [1]), DIMENSION - 1)]
    case.body["descriptor"] = values if case.media_type == "application/json" else json.dumps(values)


def inside_picture(region: list[Any]) -> list[Any]:
    """A box like this one that does not reach beyond the picture; one that the document forbids stays as it is."""
    if len(region) != 4 or not all(is_number(n) and 0 <= n <= 1 for n in region) or 0 in region[2:]:
        return region
    x, y = min(region[0], 0.5), min(region[1], 0.5)
    return [x, y, max(min(region[2], 1 - x), 0.5), max(min(region[3], 1 - y), 0.5)]


def bound_together(options: dict[str, Any]) -> None:
    """Keeps a region in the picture, and k and offset together below the most results."""
    region = options.get("region")
    if isinstance(region, list):
        options["region"] = inside_picture(region)
    elif isinstance(region, str) and re.fullmatch(r"[-+0-9.eE]+(,[-+0-9.eE]+){3}", region):
        try:
            options["region"] = ",".join(map(str, inside_picture([float(part) for part in region.split(",")])))
        except ValueError:
            return
    # In a query numbers can be text already.
    k, offset = (str(options.get(name, default)) for name, default in (("k", 10), ("offset", 0)))
    if k.isdecimal() and offset.isdecimal() and 0 < int(k) < MAX_RESULTS and int(offset) < MAX_RESULTS:
        if int(k) + int(offset) > MAX_RESULTS:
            options["offset"] = MAX_RESULTS - int(k)


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Leaves out the examples of lines: schemathesis can send bytes alone as such a body. The service's own tests run them."""
    schemas = raw_schema["components"]["schemas"]
    for path in raw_schema["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {}).get(NDJSON, {}) if isinstance(operation, dict) else {}
            for holder in (content, content.get("schema", {})):
                holder.pop("examples", None)
                holder.pop("example", None)
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            schemas.get(name, {}).pop("examples", None)


def completed(case: Case) -> Case:
    if case.meta and case.meta.phase.name != TestPhase.STATEFUL:
        # What is generated as valid must be taken, and as invalid refused. Otherwise schemathesis judges the case anew by
        # what is changed here, and calls pictures and numbers in text invalid. Links change the body after this.
        case.freeze_metadata()
    if isinstance(case.body, dict):
        # An example's body is the document's own. The same values are no change to the case.
        object.__setattr__(case, "body", copy.deepcopy(case.body))
    keep_quick(case)
    leave_room(case)
    put_raw_picture(case)
    spare_the_chip(case)
    say_once(case)
    use_one_precondition(case)
    name_once(case)
    if isinstance(case.body, dict):
        if case.path == "/v1/compare":
            put_two_pictures(case)
        if case.path.endswith("/images:batch"):
            put_batch(case)
        if "image" in case.body:
            put_picture(case)
        if "descriptor" in case.body:
            put_descriptor(case)
        version = case.body.get("version")
        if isinstance(version, str) and VERSION.fullmatch(version):
            case.body["version"] = DESCRIPTOR_VERSION
        bound_together(case.body)
        if isinstance(case.body.get("params"), dict):
            bound_together(case.body["params"])
        if case.query and "image" not in case.body:
            # A region is one of the picture that is sent.
            case.query.pop("region", None)
    if case.query:
        bound_together(case.query)
        fit_cursor(case)
    return case


@schemathesis.hook
def filter_case(context: HookContext, case: Case) -> bool:
    """Leaves out some slow requests, and those that schemathesis calls valid though it made a part of them invalid, or
    invalid though every part is valid and nothing but the state can refuse them.

    A name in a path that is null or 5 is valid as text. Where it was to be the fault, the request becomes a valid one, even
    if it has invalid headers as well.
    """
    if is_spared(case) or is_unsayable(case):
        return False
    if case.meta is None:
        return True
    is_sound = all(part.mode.is_positive for part in case.meta.components.values())
    if case.meta.generation.mode.is_negative:
        return not is_sound or case.meta.phase.name != TestPhase.STATEFUL
    return is_sound


@schemathesis.hook
def map_case(context: HookContext, case: Case) -> Case:
    return completed(case)


@schemathesis.hook
def before_add_examples(context: HookContext, examples: list[Case]) -> None:
    for case in examples:
        completed(case)
