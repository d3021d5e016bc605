"""What some tests need of the machine: skipped by name where it is missing, an error in CI, which has everything."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["needs", "needs_lab"]


def needs(program: str) -> pytest.MarkDecorator:
    """A mark for tests that run ``program``; where the variable CI is set, nothing is skipped."""
    missing = shutil.which(program) is None
    return pytest.mark.skipif(missing and not os.environ.get("CI"), reason=f"{program} is not installed")


_MISSING = [name for name in ("ip", "nft", "socat") if shutil.which(name) is None]
_MISSING += [] if os.geteuid() == 0 else ["root"]

needs_lab = pytest.mark.skipif(
    bool(_MISSING) and not os.environ.get("CI"), reason=f"the lab needs {' and '.join(_MISSING) or 'nothing more'}"
)
"""A mark for tests that make network namespaces; where the variable CI is set, nothing is skipped."""
