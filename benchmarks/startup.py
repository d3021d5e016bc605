"""Wall time of the command line against a bare ``python -c pass``, and what a trace imports.

    python benchmarks/startup.py [--quick]

``dsflow --help`` may take 3 times as long as the interpreter alone, one ``dsflow trace`` of the article's
cluster 60 times, and a trace imports none of the libraries that only drawings, graphs and sending need.
The commands take turns; the figures are medians.  The exit code is 1 when a gate is missed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROUNDS = 15
FORBIDDEN = ("scapy", "networkx", "matplotlib")
BARE = (sys.executable, "-c", "pass")
TRACE = (
    "trace",
    "oke-sydney",
    "pod/default/nginx-568f7cfd68-g4h2c",
    "internet/web",
    "--family",
    "both",
    "--tcp",
    "443",
)


class Row(NamedTuple):
    """One command: its median wall time, how often the interpreter alone fits in, and the gate."""

    name: str
    wall_ms: float
    ratio: float
    gate: float

    @property
    def holds(self) -> bool:
        """Whether the gate is kept."""
        return self.ratio <= self.gate

    @property
    def verdict(self) -> str:
        """``missed`` or nothing, for the table."""
        return "" if self.holds else "missed"


def dsflow_command(*arguments: str) -> tuple[str, ...]:
    """The console script beside this interpreter, or ``python -m dsflow`` where there is none."""
    script = Path(sys.executable).with_name("dsflow")
    program = (str(script),) if script.exists() else (sys.executable, "-m", "dsflow")
    return program + arguments


def gated_commands() -> dict[str, tuple[tuple[str, ...], float]]:
    """Each command under measurement with its gate."""
    return {
        "dsflow --help": (dsflow_command("--help"), 3.0),
        "dsflow trace": (dsflow_command(*TRACE), 60.0),
        "dsflow trace -o json": (dsflow_command(*TRACE, "-o", "json"), 60.0),
    }


def wall_seconds(command: Sequence[str]) -> float:
    """How long a command runs; it has to succeed."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure(commands: Mapping[str, tuple[Sequence[str], float]], rounds: int = ROUNDS) -> list[Row]:
    """A row for each command, timed in turns with the bare interpreter."""
    bare_s: list[float] = []
    walls_s: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        bare_s.append(wall_seconds(BARE))
        for name, (command, _) in commands.items():
            walls_s[name].append(wall_seconds(command))
    bare = median(bare_s)
    return [
        Row(name, median(walls_s[name]) * 1000, median(walls_s[name]) / bare, gate)
        for name, (_, gate) in commands.items()
    ]


def imported_modules(*arguments: str) -> set[str]:
    """The names of all modules that ``python -m dsflow ARGUMENTS`` imports."""
    command = (sys.executable, "-X", "importtime", "-m", "dsflow", *arguments)
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    lines = (line for line in told.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


def forbidden_among(modules: set[str]) -> list[str]:
    """Those of the forbidden libraries that were imported."""
    return [name for name in FORBIDDEN if name in modules]


def table(rows: Sequence[Row], forbidden: Sequence[str]) -> str:
    """The result as aligned text."""
    lines = [f"{'command':<22}{'wall':>8}{'ratio':>8}{'gate':>7}   to python -c pass"]
    lines += [
        f"{row.name:<22}{row.wall_ms:>5.0f} ms{row.ratio:>7.1f}x{row.gate:>6.0f}x   {row.verdict}".rstrip()
        for row in rows
    ]
    lines.append(f"a trace imports {', '.join(forbidden) or 'none'} of {', '.join(FORBIDDEN)}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a gate is missed or a trace imports what it should not."""
    parser = argparse.ArgumentParser(description="the command line's wall time, against the bare interpreter")
    parser.add_argument("--quick", action="store_true", help="three rounds: seconds, and a rougher figure")
    rounds = 3 if parser.parse_args(arguments).quick else ROUNDS
    rows = measure(gated_commands(), rounds)
    forbidden = forbidden_among(imported_modules(*TRACE, "-o", "json") | imported_modules(*TRACE))
    print(table(rows, forbidden))
    return 0 if all(row.holds for row in rows) and not forbidden else 1


if __name__ == "__main__":
    raise SystemExit(main())
