"""Chains as JSON lines: one chain in each line, in the trace's own format."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from dsflow.report.files import written_whole
from dsflow.trace.chain import Chain

__all__ = ["write_chains"]


def write_chains(chains: Iterable[Chain], path: str | os.PathLike[str]) -> None:
    """Write every chain's JSON as one compact line, in the order given.

    Raises
    ------
    HostError
        When the file cannot be written.
    """
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for chain in chains:
            json.dump(chain.to_json(), file, ensure_ascii=False, separators=(",", ":"))
            file.write("\n")
