"""The scenarios that come with dsflow, by name.

In the wheel they lie beside the package's modules (``dsflow/scenarios``); in a source tree, and so in
an editable install, beside the package (``scenarios``).
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["names", "path", "starter"]

_PACKAGE = Path(__file__).parent.parent


def _folder() -> Path:
    inside = _PACKAGE / "scenarios"
    return inside if inside.is_dir() else _PACKAGE.parent / "scenarios"


def names() -> tuple[str, ...]:
    """The embedded names, sorted.

    >>> "two-pods" in names()
    True
    """
    return tuple(sorted(file.stem for file in _folder().glob("*.yaml")))


def path(name: str) -> Path | None:
    """The file of an embedded scenario; None when there is none of that name."""
    return _folder() / f"{name}.yaml" if name in names() else None


def starter() -> str:
    """The commented scenario that ``dsflow init`` writes."""
    return (_folder() / "starter" / "my-cluster.yaml").read_text(encoding="utf-8")
