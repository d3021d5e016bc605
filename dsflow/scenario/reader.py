"""A scenario by name, path, standard input or Python mapping, its bases included."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from dsflow.errors import HostError, ScenarioError, UsageError, did_you_mean
from dsflow.scenario import embedded, text
from dsflow.scenario.document import Document, from_mapping, place_of, show
from dsflow.scenario.overlay import resolve_bases

__all__ = ["read"]

_STANDARD_INPUT = "<stdin>"


def read(source: str | Path | Mapping[str, object], *, stdin: BinaryIO | None = None) -> Document:
    """The document that ``source`` names, with its bases merged below it.

    Parameters
    ----------
    source
        An embedded name, a path, ``-`` for standard input, or data as a mapping.
    stdin
        What to read for ``-``; the process's own standard input when left out.

    Raises
    ------
    UsageError
        For a name that is neither embedded nor a file.
    HostError
        For a file that cannot be read.
    ScenarioError
        For a text that is no scenario.
    """
    return resolve_bases(_own_document(source, stdin), _load_base)


def _own_document(source: str | Path | Mapping[str, object], stdin: BinaryIO | None) -> Document:
    if isinstance(source, Mapping):
        return Document(from_mapping(source, place_of(0, 0)), ("scenario",))
    if source == "-":
        return text.parse(_first_bytes(stdin or sys.stdin.buffer), _STANDARD_INPUT)
    if isinstance(source, str) and (file := embedded.path(source)):
        return text.parse(_content(file), file.name)
    return text.parse(_content(_file_named(source)), str(source))


def _file_named(source: str | Path) -> Path:
    file = Path(source)
    if isinstance(source, str) and not _looks_like_a_path(source) and not file.exists():
        known = embedded.names()
        hint = did_you_mean(source, known) or f"; embedded are {', '.join(known)}"
        raise UsageError(f"{show(source)}: neither an embedded scenario nor a file{hint}")
    return file


def _looks_like_a_path(source: str) -> bool:
    return os.sep in source or source.endswith((".yaml", ".yml", ".json"))


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return _first_bytes(stream)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise HostError(f"cannot read {file}: {reason}") from None


def _first_bytes(stream: BinaryIO) -> bytes:
    """All of a text that is not too large, or one byte more than is allowed."""
    return stream.read(text.SIZE_LIMIT_BYTES + 1)


def _load_base(name: str, document: Document) -> Document:
    index = len(document.files)
    file = _base_file(name, document)
    try:
        told = file.name if file == embedded.path(name) else os.path.normpath(file)
        return text.parse(_content(file), told, index)
    except HostError as error:
        known = embedded.names()
        hint = did_you_mean(name, known) or f"; embedded are {', '.join(known)}"
        raise ScenarioError(
            [document.problem(("base",), show(name), f"an embedded scenario or a file{hint} ({error})")]
        ) from None


def _base_file(name: str, document: Document) -> Path:
    return embedded.path(name) or Path(document.file).parent / name
