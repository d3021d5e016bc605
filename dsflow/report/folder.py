"""Several result files that appear together or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsflow.errors import HostError

__all__ = ["written_together"]


@contextmanager
def written_together(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder to write files to; they move to ``folder`` when the block ends well.

    A folder that exists keeps its other files; files of the same names are replaced, and come back if
    the move does not succeed.  Whatever else ends the block (an error, Ctrl-C), nothing is left.

    Raises
    ------
    HostError
        When the folder cannot be written, already on entry where that can be known.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as parent:
    ...     with written_together(f"{parent}/out") as temporary:
    ...         _ = (temporary / "a.txt").write_text("whole")
    ...     [str(found.relative_to(parent)) for found in Path(parent).rglob("*.txt")]
    ['out/a.txt']
    """
    target = Path(folder)
    temporary: Path | None = None
    try:
        try:
            name = f".dsflow-{secrets.token_hex(4)}.part"
            temporary = _first_folder(target) / name
            temporary.mkdir()
            yield temporary
            _move(temporary, target)
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise HostError(f"{target}: cannot be written: {error.strerror or error}") from None


def _first_folder(target: Path) -> Path:
    """The folder itself or the nearest one around it that exists: the same disk, so that moves are renames."""
    found = next(place for place in (target.absolute(), *target.absolute().parents) if os.path.lexists(place))
    if not found.is_dir():
        raise NotADirectoryError(None, f"{found} is no folder")
    return found


def _move(source: Path, target: Path) -> None:
    """All files of one folder to another; on any failure what was replaced comes back and what was new goes."""
    missing = [place for place in (target, *target.parents) if not place.exists()]
    undo: list[tuple[Path, Path]] = []
    replaced = source / "replaced"
    try:
        target.mkdir(parents=True, exist_ok=True)
        files = sorted(source.iterdir())
        replaced.mkdir()
        for file in files:
            place = target / file.name
            if os.path.lexists(place):
                undo.append((replaced / file.name, place))
                _refuse_folder(place)
                place.rename(replaced / file.name)
            else:
                undo.append((source / file.name, place))
            file.rename(place)
    except BaseException:  # Ctrl-C too leaves nothing half-written; it goes on as it came
        for kept, place in undo:
            _put_back(kept, place, source)
        for place in missing:
            if place.exists() and not any(place.iterdir()):
                place.rmdir()
        raise


def _refuse_folder(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        raise IsADirectoryError(None, f"{place} is a folder")


def _put_back(kept: Path, place: Path, source: Path) -> None:
    """Undo one move, as far as it went."""
    if kept.parent == source:
        place.unlink(missing_ok=True)
    elif os.path.lexists(kept):
        kept.replace(place)
