"""Whatever is thrown at it, a scenario is built or refused with its problems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsflow import scenario
from dsflow.errors import ScenarioError
from dsflow.model.topology import Topology
from dsflow.scenario import text
from tests.clusters import as_built, random_cluster
from tests.scenario.helpers import TEXT, problems_of_text
from tests.secured import secured
from tests.strategies import networks, scenario_data

RAW = TEXT.read_bytes()


def outcome(raw: bytes) -> Topology | list[str]:
    """The topology, or its problems; anything else is a failure of the test."""
    try:
        return scenario.build(text.parse(raw, "s.yaml"))
    except ScenarioError as error:
        return [str(problem) for problem in error.problems]


def test_a_scenario_cut_off_anywhere_is_built_or_refused() -> None:
    outcomes = [outcome(RAW[:length]) for length in range(len(RAW))]
    assert all(isinstance(told, Topology) or told for told in outcomes)
    assert sum(isinstance(told, list) for told in outcomes) > len(RAW) // 2


@settings(max_examples=100)
@given(st.integers(0, len(RAW) - 1), st.binary(min_size=1, max_size=3))
def test_a_scenario_with_bytes_overwritten_is_built_or_refused(start: int, junk: bytes) -> None:
    assert outcome(RAW[:start] + junk + RAW[start + len(junk) :])


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def _keys(value: dict[str, Any] | list[Any]) -> list[Any]:
    return sorted(value) if isinstance(value, dict) else list(range(len(value)))


@settings(max_examples=150)
@given(scenario_data() | networks(), st.data())
def test_a_scenario_with_one_value_replaced_is_built_or_refused(data: dict[str, Any], draw: st.DataObject) -> None:
    here: Any = data
    for _ in range(draw.draw(st.integers(0, 6))):
        below = [key for key in _keys(here) if isinstance(here[key], dict | list) and here[key]]
        if not below:
            break
        here = here[draw.draw(st.sampled_from(below))]
    here[draw.draw(st.sampled_from(_keys(here)))] = draw.draw(_ANYTHING)
    try:
        result: object = scenario.build(scenario.read(data))
    except ScenarioError as error:
        result = error.problems
    assert result


def _references(data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where an object names another one: the mapping and the key."""
    for key, value in data.items():
        if key in {"vcn", "subnet", "pod_subnet", "route_table", "node"} and isinstance(value, str):
            yield data, key
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from _references(inner)


@settings(max_examples=100)
@given(st.integers(0, 10_000), st.data())
def test_a_name_that_nobody_bears_is_told_and_findings_bear_with_it(seed: int, draw: st.DataObject) -> None:
    """Every check and every finding is asked: nothing that is left out stops them."""
    random = Random(seed)
    data = secured(random, as_built(random, random_cluster(random)))
    places = list(_references(data))
    for at in draw.draw(st.lists(st.integers(0, len(places) - 1), min_size=1, max_size=3, unique=True)):
        place, key = places[at]
        place[key] = "nobody"
    with pytest.raises(ScenarioError, match='"nobody"'):
        scenario.build(scenario.read(data))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "s.yaml:1: an empty file"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "s.yaml:1: the control character U+007F"),
        (b"\x89PNG\r\n\x1a\n", "s.yaml:1: the byte 0x89"),
        (RAW[: RAW.index(b"fd00:10::/56") + 4], "s.yaml:7: the text breaks off or is no YAML"),
        (RAW + b"nodes: {}\n", 'again, first on line'),
        (b"{" * 100_000, "s.yaml:1: a value nested too deeply"),
        (b"a: &a [*a, *a]\n", "s.yaml:1: the alias *a"),
        (b"- " * 100_000, "s.yaml:1: a value nested too deeply"),
    ],
)  # fmt: skip
def test_bad_files(raw: bytes, told: str, tmp_path: Path) -> None:
    assert told in problems_of_text(raw, tmp_path)[0]


def test_addresses_that_older_yaml_reads_as_numbers_are_addresses() -> None:
    data = b"apiVersion: dsflow/v1\nname: x\ninternet:\n  a: {ipv6: 1:2:3:4:5:6:7:8}\n"
    topology = outcome(data)
    assert isinstance(topology, Topology)
    assert str(topology.internet["a"].ipv6) == "1:2:3:4:5:6:7:8"


def test_a_hundred_megabytes_of_junk_are_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "junk.yaml"
    with file.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    with pytest.raises(ScenarioError, match="more than 64 MiB of text"):
        scenario.read(file)


def test_an_unknown_key_hides_nothing_else_in_its_entry() -> None:
    """The rest of the entry is checked: a misspelt key and a wrong name are told together."""
    text = RAW.decode().replace(
        '  pods: {ipv4: 10.0.2.0/24, ipv6: ["fd00:10:0:2::/64"], access: private, route_table: local}',
        '  pods: {ipv4: 10.0.2.0/24, ipv6: ["fd00:10:0:2::/64"], acces: private, route_table: locl}',
    )
    told = outcome(text.encode())
    assert isinstance(told, list)
    assert len(told) == 2, told
    assert any('unknown key "acces"' in line for line in told)
    assert any('"locl"' in line and 'did you mean "local"' in line for line in told)


def test_errors_and_findings_are_told_at_once() -> None:
    """One of each that the author of an OKE cluster meets, with file and line; findings after errors."""
    base: dict[str, Any] = {
        "apiVersion": "dsflow/v1",
        "name": "bad",
        "base": "oke-sydney-as-built",
        "service_ranges": ["100.0.0.0/20", "fd00:eeee:eeee:1::/108"],
        "nsgs": {"far": {"vcn": "other"}, "pods": {"ingress": [{"from": f"192.0.2.{n}/32"} for n in range(130)]}},
        "vcns": {"other": {"ipv4": ["172.16.0.0/16"]}},
        "subnets": {
            **{name: {"vcn": "oke"} for name in ("nodes", "pods", "lb")},
            "far": {"vcn": "other", "ipv4": "172.16.1.0/24"},
        },
        "gateways": {name: {"vcn": "oke"} for name in ("igw", "nat", "office")},
        "route_tables": {name: {"vcn": "oke"} for name in ("nodes", "pods", "lb")},
        "nodes": {"node-1": {"nsgs": ["far"]}},
        "services": {
            "default/nobody": {"selector": {"app": "none"}, "ports": [{"port": 80}]},
            "default/direct": {"annotations": {"oci-network-load-balancer.oraclecloud.com/internal": "true"}},
        },
        "network_policies": {
            "default/mixed": {
                "pod_selector": {},
                "ingress": [{"from": [{"ip_block": {"cidr": "10.0.0.0/8", "except": ["2001:db8::/32"]}}]}],
            }
        },
    }
    for name in ("lb", "nodes", "pods"):
        base["nsgs"].setdefault(name, {})["vcn"] = "oke"
    with pytest.raises(ScenarioError) as caught:
        scenario.build(scenario.read(base))
    wrong = [problem.path for problem in caught.value.problems]
    assert wrong == [
        "service_ranges[0]",
        "nodes.node-1.nsgs[0]",
        "network_policies.default/mixed.ingress[0].from[0].ip_block.except[0]",
    ]
    known = [finding.path for finding in caught.value.findings]
    assert "services.default/nobody" in known
    assert 'services.default/direct.annotations."oci-network-load-balancer.oraclecloud.com/internal"' in known
    assert "nsgs.pods" in known  # more rules than OCI allows
    lines = str(caught.value).splitlines()
    assert [line.startswith("warning: ") for line in lines] == [False] * len(wrong) + [True] * len(known)
