"""The two ends of a question: names and addresses, resolved against the model."""

from __future__ import annotations

from dsflow.ends.end import End
from dsflow.ends.resolve import Ends

__all__ = ["End", "Ends"]
