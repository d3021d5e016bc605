"""Beside each scenario lies what its expectations' packets do, hop by hop and step by step.

A change of behaviour shows here as a difference of texts.  ``python -m tests.test_expected_traces`` writes
the texts anew, to be read before they are committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import dsflow
from dsflow import scenario
from dsflow.net.packet import Header
from dsflow.trace.chain import Chain
from dsflow.trace.trace import Trace

SCENARIOS = Path(__file__).parent.parent / "scenarios"


def expected_file(name: str) -> Path:
    """The text beside a scenario."""
    return SCENARIOS / f"{name}.expected.txt"


def told(name: str) -> str:
    """All chains of a scenario's expectations."""
    simulation = dsflow.load(name)
    chains = [simulation.ask(expectation.flow) for expectation in simulation.topology.expect]
    return "\n".join(line for chain in chains for line in _chain(chain))


def _chain(chain: Chain) -> Iterator[str]:
    asked = chain.question
    port = "" if asked.dport is None else f"/{asked.dport}"
    yield f"# {asked.origin} -> {asked.target} {asked.family} {asked.protocol}{port}"
    yield f"{chain.path_type}: {chain.disposition}, round trip {chain.round_trip}"
    for trace in chain.traces:
        yield from _trace(trace)
    for row in chain.nat_ledger:
        change = f": {row.before} became {row.after}" if row.before else ""
        yield f"ledger {row.direction} {row.hop} {row.device} {row.kind} {row.outcome}{change}"
    yield f"assumptions {', '.join(chain.assumptions)}"
    yield ""


def _trace(trace: Trace) -> Iterator[str]:
    cause = f" {trace.cause}" if trace.cause else ""
    yield f"connection {trace.connection} {trace.direction} {trace.family} {trace.disposition}{cause}"
    for hop in trace.hops:
        header = hop.header_in or hop.header_out
        yield f"  {hop.index} {hop.device} {hop.in_interface or '-'} > {hop.out_interface or '-'}  {_words(header)}"
        for step in hop.steps:
            changes = "".join(f" {change.field} {change.before}>{change.after}" for change in step.changes)
            yield f"      {step.stage} {step.effect} {step.rule or 'implicit'}{changes}"


def _words(header: Header | None) -> str:
    if header is None:
        return "no packet"
    ends = f"{header.src} {header.sport or ''} > {header.dst} {header.dport or ''}"
    return f"{header.protocol} {ends} ttl {header.ttl} length {header.length}"


@pytest.mark.parametrize("name", scenario.embedded_names())
def test_packets_do_what_lies_beside_the_scenario(name: str) -> None:
    assert told(name) == expected_file(name).read_text()


if __name__ == "__main__":
    for every in scenario.embedded_names():
        expected_file(every).write_text(told(every))
