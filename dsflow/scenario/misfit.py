"""What does not fit the schema, in dsflow's words: ``found X: expected Y``, where it was written.

What was expected is read off the JSON Schema at the place in question, so that messages, editors and
the check itself cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from dsflow.errors import Problem, did_you_mean
from dsflow.scenario.document import Document, Path, Section, Value, show
from dsflow.scenario.schema import json_schema
from dsflow.scenario.schema_types import PATTERNS_IN_WORDS

__all__ = ["allows", "expected_at", "known_keys", "problems", "schema_at"]

_PROBLEM_LIMIT = 1000

Schema: TypeAlias = Mapping[str, Any]


def problems(document: Document, errors: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """A Problem for each of pydantic's errors, in its order; what goes beyond a thousand is only counted."""
    told = [_problem(document, error) for error in errors[:_PROBLEM_LIMIT]]
    if rest := len(errors) - len(told):
        told.append(document.problem((), f"{rest:,} more keys and values that do not fit"))
    return told


def _problem(document: Document, error: Mapping[str, Any]) -> Problem:
    path = written_path(document.data, error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return _unknown_key(document, path)
        case "missing":
            return document.problem(path[:-1], f"no {path[-1]}", expected_at(document.data, path))
        case "union_tag_not_found" if isinstance(value_at(document, path), Section):
            return document.problem(path, "no kind", expected_at(document.data, (*path, "kind")))
        case "union_tag_invalid":
            path = (*path, "kind")
    if error["loc"][-1] == "[key]":
        return document.problem(path, f"the name {show(path[-1])}", _expected_name(document.data, path))
    return _misfitting_value(document, path, error)


def _misfitting_value(document: Document, path: Path, error: Mapping[str, Any]) -> Problem:
    value, expected = value_at(document, path), expected_at(document.data, path)
    match error["type"], value:
        case "value_error", _:
            reason = str(error["ctx"]["error"])
            says_it_all = reason.endswith("?") or expected in reason
            return document.problem(path, reason, "" if says_it_all else expected)
        case "too_short", _:
            return document.problem(path, f"{show(value)} without entries", expected)
        case "string_type", bool() | int() | float():
            return document.problem(path, show(value), f"{expected}, in quotes")
    return document.problem(path, show(value), expected)


def _unknown_key(document: Document, path: Path) -> Problem:
    key = str(path[-1])
    known = known_keys(document.data, path[:-1])
    possible = f"one of {', '.join(known)}" if known else "an empty mapping"
    hint = did_you_mean(key, known) or f": expected {possible}"
    return document.problem(path, f"the unknown key {show(key)}{hint}")


def written_path(data: Value, location: Iterable[str | int]) -> Path:
    """Pydantic's location without the steps that are not in the text (union tags, ``[key]``)."""
    steps = tuple(location)
    path: list[str | int] = []
    for position, step in enumerate(steps):
        if isinstance(data, Mapping) and step in data:
            data = data[str(step)]
        elif isinstance(data, list) and isinstance(step, int):
            data = data[step]
        elif position < len(steps) - 1 or step == "[key]":
            continue
        path.append(step)
    return tuple(path)


def value_at(document: Document, path: Path) -> Value:
    """The value written at ``path``."""
    value: Any = document.data
    for step in path:
        value = value[step]
    found: Value = value
    return found


def schema_at(data: Value, path: Path) -> Schema | None:
    """The JSON Schema of the value at ``path``, or None where the schema has no such place."""
    node: Schema | None = json_schema()
    here: Any = data
    for step in path:
        node = _step_into(_resolved(node, here), step)
        if node is None:
            return None
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
    return _resolved(node, here)


def _resolved(node: Schema | None, value: Value) -> Schema:
    """The schema itself, behind references, optional values and kinds."""
    assert node is not None
    if "$ref" in node:
        target = json_schema()["$defs"][node["$ref"].rpartition("/")[2]]
        return _resolved(target, value)
    if "discriminator" in node:
        mapping = node["discriminator"]["mapping"]
        kind = value.get("kind") if isinstance(value, Section) else None
        if not isinstance(kind, str) or kind not in mapping:
            return {"properties": {"kind": {"enum": list(mapping)}}, "type": "object"}
        return _resolved({"$ref": mapping[kind]}, value)
    if "anyOf" in node and "x-expected" not in node:
        return _resolved(next(entry for entry in node["anyOf"] if entry.get("type") != "null"), value)
    return node


def _step_into(node: Schema, step: str | int) -> Schema | None:
    if isinstance(step, int):
        return node.get("items")
    if step in node.get("properties", ()):
        found: Schema = node["properties"][step]
        return found
    entries = node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), None)
    return entries if isinstance(entries, Mapping) else None


def known_keys(data: Value, path: Path) -> list[str]:
    """The keys that the mapping at ``path`` may have; empty where its keys are names."""
    node = schema_at(data, path)
    return list(node.get("properties", ())) if node else []


def allows(data: Value, path: Path) -> bool:
    """Whether the schema has a place for ``path``."""
    return schema_at(data, path) is not None


def expected_at(data: Value, path: Path) -> str:
    """What belongs at ``path``, in words."""
    return _in_words(schema_at(data, path) or {})


def _in_words(node: Schema) -> str:
    if "x-expected" in node:
        return str(node["x-expected"])
    if "const" in node:
        return show(node["const"])
    if "enum" in node:
        return " or ".join([", ".join(map(show, node["enum"][:-1])), show(node["enum"][-1])])
    match node.get("type"):
        case "integer" | "number" as kind:
            what = "a whole number" if kind == "integer" else "a number"
            return f"{what} from {node['minimum']} to {node['maximum']}"
        case "boolean":
            return "true or false"
        case "array":
            return "a list with at least one item" if node.get("minItems") else "a list"
        case _:
            return "a mapping with at least one entry" if node.get("minProperties") else "a mapping"


def _expected_name(data: Value, path: Path) -> str:
    """What belongs in place of the key that ends ``path``."""
    node = schema_at(data, path[:-1]) or {}
    return PATTERNS_IN_WORDS[next(iter(node["patternProperties"]))]
