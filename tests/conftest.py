"""Settings of all tests: they time nothing, and under CI they draw the same examples each time."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# A shell's background jobs are told to ignore the interrupt, and so would be the commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("dsflow", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("dsflow")
