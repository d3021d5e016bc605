"""Plain data as YAML text, for ``-o yaml``: block style, every text quoted as JSON does unless it is plain.

JSON's scalars are YAML's (YAML 1.2 section 1.3) but for characters that YAML takes only in its own
escapes, so nothing here needs a YAML library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["to_yaml"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""Words that one YAML version or another reads as something else than text."""


def to_yaml(value: Any) -> str:
    r"""The YAML text of dicts, lists and scalars.

    >>> print(to_yaml({"name": "a", "ports": [80, {"no": "1:20"}], "none": []}), end="")
    name: a
    ports:
      - 80
      - "no": "1:20"
    none: []
    """
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from _entry(f"{_scalar(key)}:", entry)
    elif isinstance(value, list | tuple) and value:
        for item in value:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _entry(head: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict | list | tuple) and value:
        yield head
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return str(value)
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in quoted)
