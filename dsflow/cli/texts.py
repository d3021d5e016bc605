"""``dsflow schema`` and ``dsflow init``: texts that come with dsflow."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TextIO

from dsflow.cli.common import say, write_json
from dsflow.errors import HostError, UsageError

__all__ = ["init", "schema"]


def schema(args: Namespace) -> int:
    """Print a JSON Schema.  Always 0."""
    if args.subject == "scenario":
        from dsflow.scenario import json_schema

        write_json(json_schema())
    else:
        from dsflow.trace.schema import chain_schema

        write_json(chain_schema())
    return 0


def init(args: Namespace) -> int:
    """Write or print the starter scenario; a file that exists stays as it is.  Always 0."""
    from dsflow.scenario import starter

    text = starter()
    if args.file == "-":
        sys.stdout.write(text)
    else:
        _write_new(Path(args.file), text)
        say(args, f"{args.file} is written; next: dsflow run {args.file}")
    return 0


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as stream:
            _write_all(stream, file, text)
    except FileExistsError:
        raise UsageError(f"{file}: exists already: expected a new file's name") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise HostError(f"{file}: cannot be written: {reason}") from None


def _write_all(stream: TextIO, file: Path, text: str) -> None:
    """Write the text, or leave no file."""
    try:
        stream.write(text)
        stream.flush()
    except BaseException:  # Ctrl-C too leaves nothing half-written; it goes on as it came
        file.unlink()
        raise
