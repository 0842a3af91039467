#!/usr/bin/env python3
"""Writes src/eyrie_client/types.py from openapi.yaml: a TypedDict for each object that the service answers with.

    ./generate.py            writes it
    ./generate.py --check    says whether it is as it would be written
"""

import keyword
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CONTRACT = HERE.parents[1] / "openapi.yaml"
TYPES = HERE / "src/eyrie_client/types.py"

HEAD = '''"""What the service answers, as TypedDicts. Written by generate.py from openapi.yaml; do not edit."""

from typing import Any, Literal, NotRequired, TypedDict

Filter = dict[str, Any]
"""A condition or a group of conditions on metadata; the contract describes it."""
'''

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def references(schema: Any) -> Iterator[str]:
    """The names of the schemas that a part of the document speaks of."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rsplit("/", 1)[1]
        for part in schema.values():
            yield from references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from references(part)


def answered(document: dict[str, Any]) -> list[str]:
    """The schemas in answers, with those that they speak of."""
    schemas = document["components"]["schemas"]
    answers = (call["responses"] for path in document["paths"].values() for call in path.values())
    left = [name for responses in answers for name in references(responses)]
    found: set[str] = set()
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(references(schemas[name]))
    return sorted(found)


def hint(schema: dict[str, Any]) -> str:
    """The type of a value."""
    if "$ref" in schema:
        return f'"{schema["$ref"].rsplit("/", 1)[1]}"'
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(hint(part) for part in schema[several]))
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    hints = []
    for kind in kinds:
        if kind == "array":
            hints.append(f"list[{hint(schema['items'])}]" if schema.get("items") else "list[Any]")
        elif kind == "object":
            hints.append("dict[str, Any]")
        else:
            hints.append(PLAIN[kind])
    return " | ".join(hints) or "Any"


def docstring(text: str, indent: str) -> list[str]:
    lines = textwrap.wrap(" ".join(text.split()), 96)
    if not lines:
        return []
    quoted = [f'"""{lines[0]}', *lines[1:]]
    return [indent + line for line in quoted[:-1]] + [f'{indent}{quoted[-1]}"""']


def typed_dict(name: str, schema: dict[str, Any]) -> str:
    if schema.get("type") != "object" or "properties" not in schema:
        return "\n".join([f"{name} = {hint(schema)}", *docstring(schema.get("description", ""), "")])
    fields = {}
    for field, part in schema["properties"].items():
        fields[field] = hint(part) if field in schema.get("required", []) else f"NotRequired[{hint(part)}]"
    if any(keyword.iskeyword(field) for field in fields):
        # No class has a member of such a name.
        members = [f'    "{field}": {of_field},' for field, of_field in fields.items()]
        head, tail = [f"{name} = TypedDict(", f'    "{name}",', "    {"], ["    },", ")"]
        return "\n".join([*head, *(f"    {member}" for member in members), *tail, *docstring(schema.get("description", ""), "")])
    lines = [f"class {name}(TypedDict):", *docstring(schema.get("description", "An answer."), "    ")]
    for field, of_field in fields.items():
        about = schema["properties"][field].get("description", "")
        lines += ["", f"    {field}: {of_field}", *docstring(about, "    ")]
    return "\n".join(lines)


def generated() -> str:
    document = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    # A class for each name first: a plain name may speak of them only once they are there.
    names = sorted(answered(document), key=lambda name: "properties" not in schemas[name])
    return "\n\n\n".join([HEAD.rstrip(), *(typed_dict(name, schemas[name]) for name in names)]) + "\n"


def main() -> int:
    text = generated()
    if "--check" in sys.argv[1:]:
        if TYPES.read_text(encoding="utf-8") == text:
            return 0
        print("types.py is out of date: ./generate.py writes it", file=sys.stderr)
        return 1
    TYPES.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
