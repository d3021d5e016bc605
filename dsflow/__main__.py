"""``python -m dsflow``: the command line."""

from __future__ import annotations

import sys

from dsflow.cli import main

sys.exit(main())
