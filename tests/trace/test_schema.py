"""The JSON Schema of the trace, against every kind of chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

import dsflow
from dsflow import Simulation
from dsflow.cli import main
from dsflow.net.address import Family
from dsflow.query.select import select
from dsflow.query.twin import twin
from dsflow.trace.chain import Chain, chains_json
from dsflow.trace.schema import chain_schema
from tests.answers import ANSWERS
from tests.cases import DNS, POD, gua
from tests.strategies import clusters

VALIDATOR = Draft202012Validator(chain_schema())


def problems(data: Any) -> list[str]:
    """What is wrong with data as JSON carries it."""
    errors = VALIDATOR.iter_errors(json.loads(json.dumps(data)))
    return [f"{list(found.absolute_path)}: {found.message}" for error in errors for found in (error, *error.context)]


def chains(simulation: Simulation) -> Iterator[Chain]:
    """The scenario's questions over every protocol, to an open port and a closed one, and with odd packets."""
    topology = simulation.topology
    flows = [one.flow for one in select(topology) if one.flow] + [one.flow for one in topology.expect]
    for flow in flows:
        yield simulation.ask(flow)
        for options in (
            {"tcp": 80},
            {"tcp": 81},
            {"udp": 53},
            {"icmp": True},
            {"ttl": 2},
            {"icmp": True, "size": 9000},
        ):
            yield simulation.trace(flow.origin, flow.target, family=flow.family, **options)


@pytest.mark.parametrize("option", ["--branches", "--all-blockers"])
def test_branches_and_blockers_keep_the_schema(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And a name that is not in it is a mistake."""
    for ends in (["internet/client", "service/default/nginx"], ["device/desk", DNS, "--udp", "53"]):
        assert main(["trace", "oke-sydney-as-built", *ends, option, "-o", "json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert problems(data) == []
        found = data["families"][-1]
        some = next(iter(found[option.removeprefix("--all-").removeprefix("--")]), found)
        some["more"] = 1
        assert problems(data)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(chain_schema())


@pytest.mark.parametrize("name", ["oke-sydney", "oke-sydney-gua", "two-pods"])
def test_every_chain_of_an_embedded_scenario_fits(name: str) -> None:
    found = list(chains(dsflow.load(name)))
    assert len(found) > 20
    for chain in found:
        assert problems(chain.to_json()) == []


@pytest.mark.parametrize("name", ANSWERS)
def test_every_ending_fits(name: str) -> None:
    assert problems(ANSWERS[name].to_json()) == []


def test_both_families_together_fit() -> None:
    both = {family: gua().trace(POD, "internet/web", family=family, tcp=443) for family in Family}
    assert problems(chains_json(both)) == []


@pytest.mark.parametrize("name", ["oke-sydney", "oke-sydney-gua", "oke-sydney-as-built", "two-routers"])
def test_every_comparison_fits(name: str) -> None:
    simulation = dsflow.load(name)
    flows = [one.flow for one in select(simulation.topology) if one.flow] + [*simulation.topology.flows]
    ends = {(flow.origin, flow.target) for flow in flows if "/" in flow.target or flow.target.isalnum()}
    for origin, target in ends:
        for options in ({}, {"tcp": 81}, {"udp": 53}):
            found = twin(simulation, origin, target, **options)
            both = {Family.IPV4: found.ipv4, Family.IPV6: found.ipv6}
            assert problems({**chains_json(both), "twin": found.to_json()}) == []


def test_nothing_more_and_nothing_less_fits_a_comparison() -> None:
    found = twin(gua().what_if({'route_tables.pods.rules."::/0"': None}), POD, "internet/web", tcp=443)
    whole = json.dumps({"schema": "dsflow.chains/1", "chains": [], "twin": found.to_json()})
    assert _closed_shapes(whole, optional="twin") > 7


def test_a_packet_of_the_users_own_fits() -> None:
    from scapy.layers.inet import IP, UDP

    chain = gua().send(POD, IP(src="100.0.5.102", dst="198.51.100.80", tos=4) / UDP(sport=0, dport=53) / b"?")
    assert problems(chain.to_json()) == []


@settings(max_examples=8)
@given(clusters())
def test_chains_of_any_cluster_fit(data: dict[str, Any]) -> None:
    simulation = dsflow.load(data)
    for one in select(simulation.topology):
        if one.flow is not None:
            assert problems(simulation.ask(one.flow).to_json()) == []


def _paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(data, dict):
        yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from _paths(value, (*path, key))


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def _closed_shapes(whole: str, *, optional: str) -> int:
    """How many kinds of object a text has: none takes a name more, and each lacks none but the optional one."""
    shapes = {tuple(0 if isinstance(step, int) else step for step in path): path for path in _paths(json.loads(whole))}
    for path in shapes.values():
        larger = json.loads(whole)
        _at(larger, path)["zebra"] = 1
        assert problems(larger), path
        for key in _at(json.loads(whole), path):
            smaller = json.loads(whole)
            del _at(smaller, path)[key]
            assert problems(smaller) or key == optional, (path, key)
    return len(shapes)


def test_nothing_more_and_nothing_less_fits() -> None:
    """In every object of a chain, a name too many is refused, and each name missing but ``icmp``."""
    assert _closed_shapes(json.dumps(ANSWERS["ping-in-pieces"].to_json()), optional="icmp") > 20


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("disposition",), "lost"),
        (("round_trip",), "no-route"),
        (("path_type",), "sideways"),
        (("question", "dport"), 70000),
        (("traces", 0, "direction"), "back"),
        (("traces", 0, "hops", 0, "kind"), "zebra"),
        (("traces", 0, "hops", 0, "packets_out"), ["4"]),
        (("traces", 0, "hops", 0, "steps", 0, "effect"), "vanish"),
        (("nat_ledger", 0, "kind"), "nat66"),
        (("nat_ledger", 0, "outcome"), "maybe"),
        (("assumptions",), ["all-is-well"]),
        (("latency_us", "assumed_share"), 1.5),
    ],
)
def test_an_unknown_word_is_refused(path: tuple[Any, ...], value: Any) -> None:
    data = json.loads(json.dumps(ANSWERS["egress-ipv4"].to_json()))
    _at(data, path[:-1])[path[-1]] = value
    assert problems(data)


@pytest.mark.parametrize("raw", [b"", b"x", b"garbage!", b"\x95" + bytes(39), b"E" + bytes(30), b"\x60" + bytes(39)])
def test_bytes_that_are_no_packet_keep_the_schema(raw: bytes) -> None:
    simulation = dsflow.load("two-routers")
    for interface in ("e0", None):
        data = simulation.send("h0", raw, interface=interface).to_json()
        assert not problems(data)
        if interface:
            first, last = data["traces"][0]["hops"]
            assert first["packets_out"] == last["packets_in"] == [raw.hex()]
            assert (first["header_out"] is None) == (raw[:1] not in (b"E", b"\x60"))
