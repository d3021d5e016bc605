"""Settings of all tests: they time nothing, and under CI they draw the same examples each time."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("dsflow", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("dsflow")
