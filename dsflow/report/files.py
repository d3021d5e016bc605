"""Files that are whole or not there: written under a temporary name and renamed at the end."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsflow.errors import HostError

__all__ = ["written_whole"]


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; renamed to ``path`` when the block ends well.

    Whatever else ends the block (an error, Ctrl-C), the temporary file goes and ``path`` stays as it was.
    A link is followed; a device or pipe (``/dev/stdout``) cannot be replaced and is written to directly.

    Raises
    ------
    HostError
        When the file cannot be written; names it and the reason.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with written_whole(f"{folder}/a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     [found.name for found in Path(folder).iterdir()]
    ['a.txt']
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        if target.exists() and not target.is_file():
            yield target
            return
        real = target.resolve()
        temporary = real.with_name(f".{real.name}.{secrets.token_hex(4)}.part")
        try:
            yield temporary
            temporary.replace(real)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise HostError(f"{target}: cannot be written: {error.strerror or error}") from None
