"""Bases and changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsflow import scenario
from dsflow.errors import ScenarioError, UsageError
from dsflow.scenario.overlay import parse_path


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{next(iter(files))}.yaml"


def refusal(folder: Path, **files: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        scenario.read(written(folder, **files))
    return str(caught.value).replace(f"{folder}/", "")


def test_mappings_merge_and_everything_else_is_replaced(tmp_path: Path) -> None:
    over = "base: b.yaml\nname: a\nm: {y: 3, z: 4}\nl: [9]\nnew: {k: {l: 1}}\n"
    base = "name: b\nm: {x: 1, y: 2}\nl: [1, 2]\nkept: 5\n"
    document = scenario.read(written(tmp_path, a=over, b=base))
    assert document.data == {
        "name": "a",
        "m": {"x": 1, "y": 3, "z": 4},
        "l": [9],
        "new": {"k": {"l": 1}},
        "kept": 5,
    }


def test_every_value_keeps_the_file_and_line_it_came_from(tmp_path: Path) -> None:
    document = scenario.read(
        written(tmp_path, a="base: b.yaml\nm:\n  y: 3\n", b="base: c.yaml\nm: {x: 1}\n", c="m: {w: 1}\nn: 1\n")
    )
    paths: list[tuple[str, ...]] = [("m",), ("m", "y"), ("m", "x"), ("m", "w"), ("n",)]
    assert [document.source(path) for path in paths] == ["a.yaml:2", "a.yaml:3", "b.yaml:2", "c.yaml:1", "c.yaml:2"]


def test_a_variant_does_not_inherit_the_name(tmp_path: Path) -> None:
    assert "name" not in scenario.read(written(tmp_path, a="base: b.yaml\n", b="name: b\n")).data


def test_null_takes_a_key_away(tmp_path: Path) -> None:
    document = scenario.read(written(tmp_path, a="base: b.yaml\nm: {x: null}\nn: null\n", b="m: {x: 1, y: 2}\nn: 1\n"))
    assert document.data == {"m": {"y": 2}}


def test_null_for_what_is_not_there_is_a_problem(tmp_path: Path) -> None:
    told = refusal(tmp_path, a="base: b.yaml\npods: {webb: null}\n", b="pods: {web: 1}\n")
    assert told == (
        'a.yaml:2: pods.webb: null, but the base has nothing of that name to take away; did you mean "web"?'
    )


def test_a_mapping_replaces_a_scalar(tmp_path: Path) -> None:
    assert scenario.read(written(tmp_path, a="base: b.yaml\nm: {x: 1}\n", b="m: 5\n")).data == {"m": {"x": 1}}


def test_a_base_may_be_an_embedded_name() -> None:
    document = scenario.read({"base": "two-pods", "name": "mine", "description": "x"})
    assert document.data["name"] == "mine"
    assert document.source(("description",)) == "description"
    assert document.source(("pods",)).startswith("two-pods.yaml:")


def test_bases_in_a_circle_are_refused(tmp_path: Path) -> None:
    told = refusal(tmp_path, a="base: b.yaml\n", b="x: 1\nbase: a.yaml\n")
    assert told == "b.yaml:2: base: a circle of bases: a.yaml -> b.yaml -> a.yaml"


def test_a_long_chain_of_bases_is_refused(tmp_path: Path) -> None:
    files = {f"s{number}": f"base: s{number + 1}.yaml\n" for number in range(20)}
    assert "at most 15 files" in refusal(tmp_path, **files)


def test_an_unknown_base_is_refused_with_a_hint(tmp_path: Path) -> None:
    told = refusal(tmp_path, a="name: x\nbase: oke-sidney\n")
    assert told.startswith(
        'a.yaml:2: base: "oke-sidney": expected an embedded scenario or a file; did you mean "oke-sydney"'
    )
    assert "embedded are lan-segment" in refusal(tmp_path, a="base: zebra\n")
    assert refusal(tmp_path, a="base: 5\n") == "a.yaml:1: base: 5: expected the name or the path of another scenario"


def test_problems_of_a_base_name_the_base(tmp_path: Path) -> None:
    assert refusal(tmp_path, a="base: b.yaml\n", b="a: 1\na: 2\n").startswith("b.yaml:2:")
    assert refusal(tmp_path, a="base: b.yaml\n", b="base: 5\n").startswith("b.yaml:1: base: 5")


# --- changes ---


def changed(changes: dict[str, Any], base: str = "oke-sydney") -> scenario.Document:
    return scenario.with_changes(scenario.read(base), changes)


def test_a_change_leaves_the_old_document_untouched() -> None:
    old = scenario.read("oke-sydney")
    new = scenario.with_changes(old, {"gateways.nat.enabled": False})
    assert scenario.build(new).gateways["nat"].enabled is False
    assert scenario.build(old).gateways["nat"].enabled is True


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("gateways.nat.public_ipv4", "203.0.113.99", ("gateways", "nat", "public_ipv4")),
        ('route_tables.pods.rules."0.0.0.0/0"', "igw/igw", ("route_tables", "pods", "rules", "0.0.0.0/0")),
        ('route_tables.pods.rules."192.0.2.0/24"', "igw/igw", ("route_tables", "pods", "rules", "192.0.2.0/24")),
        ("pods.default/nginx-568f7cfd68-g4h2c.node", "node-3", ("pods", "default/nginx-568f7cfd68-g4h2c", "node")),
        ("vcns.oke.ipv6[1].origin", "byoip", ("vcns", "oke", "ipv6", 1, "origin")),
        ("vcns.oke.ipv6.1.origin", "byoip", ("vcns", "oke", "ipv6", 1, "origin")),
        ("subnets.lb.ipv6[0]", "fd00::/64", ("subnets", "lb", "ipv6", 0)),
        ("namespaces.default", {"labels": {"a": "b"}}, ("namespaces", "default")),
        ("internet.new", {"ipv4": "192.0.2.1"}, ("internet", "new")),
    ],
)
def test_a_value_is_set_by_its_path(path: str, value: object, where: tuple[str | int, ...]) -> None:
    document = changed({path: value})
    found: Any = document.data
    for step in where:
        found = found[step]
    assert found == value
    assert document.locate(where) == ("changes", None)


def test_none_takes_a_key_away() -> None:
    assert "::/0" not in changed({'route_tables.pods.rules."::/0"': None}).data["route_tables"]["pods"]["rules"]  # type: ignore[call-overload, index, operator]  # nested data


def test_changes_come_one_after_the_other() -> None:
    document = changed({"gateways.nat.enabled": False})
    again = scenario.with_changes(document, {"gateways.igw.enabled": False})
    assert again.files == document.files
    assert not any(gateway.enabled for gateway in scenario.build(again).gateways.values())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("gatways.nat.enabled", 'gatways: nothing of that name; did you mean "gateways"?'),
        ("gateways.natt.enabled", 'gateways.natt: nothing of that name; did you mean "nat"?'),
        ("gateways.nat.enable", 'gateways.nat.enable: nothing of that name; did you mean "enabled"?'),
        ("gateways.zebra.enabled", "gateways.zebra: nothing of that name; there is igw, nat"),
        ("pods.zebra.node", ", …"),
        ("gateways.nat.kind.x", 'gateways.nat.kind: "nat": nothing lies below it'),
        ("vcns.oke.ipv6[7].origin", "vcns.oke.ipv6.7: expected a number from 0 to 1"),
        ("vcns.oke.ipv6.x", "vcns.oke.ipv6.x: expected a number from 0 to 1"),
        ("firewalls.l0", "firewalls: nothing of that name"),
        ("base", "base: a change cannot give a scenario another base"),
        ("gateways..nat", "expected a dotted path"),
        ("", "expected a dotted path"),
        ('pods."x', "expected a dotted path"),
        ("pods.", "expected a dotted path"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed({path: 1})
    assert told in str(caught.value)


def test_parts_of_devices_are_changed_by_path() -> None:
    changes = {
        "devices.r0.forwarding": False,
        "devices.r0.routes[0].metric": 5,
        "devices.r1.filters[0].action": "reject",
        "devices.h0.interfaces.e0.mtu": 1400,
        "devices.h2.rp_filter": "strict",
        "links.spare": {},
    }
    topology = scenario.build(scenario.with_changes(scenario.read("two-routers"), changes))
    devices = topology.devices
    assert not devices["r0"].forwarding
    assert devices["r0"].routes[0].metric == 5
    assert devices["r1"].filters[0].action == "reject"
    assert devices["h0"].interfaces["e0"].mtu_bytes == 1400
    assert devices["h2"].rp_filter == "strict"
    assert "spare" in topology.links


def test_taking_away_what_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match=r"gateways\.nat\.enabled: nothing of that name"):
        changed({"gateways.nat.enabled": None})


def test_every_wrong_path_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        changed({"a.b": 1, "c.d": 1, "gateways.nat.enabled": object()})
    assert len(str(caught.value).splitlines()) == 3


def test_a_known_container_that_is_not_there_yet_begins_with_its_first_key() -> None:
    document = changed({"pods.default/client.labels.app": "x"}, "two-pods")
    assert dict(scenario.build(document).pods["default/client"].labels) == {"app": "x"}


def test_a_changed_value_that_does_not_fit_is_told_as_a_change() -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.build(changed({"gateways.nat.enabled": "no"}))
    assert str(caught.value) == 'changes: gateways.nat.enabled: "no": expected true or false'


def test_paths_keep_what_stands_in_quotes() -> None:
    assert parse_path('a."b.c"[3].d/e') == ("a", "b.c", "3", "d/e")
