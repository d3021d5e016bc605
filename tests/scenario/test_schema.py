"""The text's shape, its JSON Schema, and misfits in dsflow's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from dsflow import scenario
from dsflow.dataplane.disposition import Disposition as DispositionEnum
from dsflow.dataplane.nat import NatKind
from dsflow.scenario import schema_questions
from dsflow.trace.chain import PathType
from tests.scenario.helpers import problems, problems_of_text
from tests.strategies import networks, scenario_data

HEAD = "apiVersion: dsflow/v1\nname: x\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pods: {default/a: {}}", "pods.default/a: no node: expected a name of letters"),
        ("pods: {default/a: {node: n, nod: n}}", 'pods.default/a.nod: the unknown key "nod"; did you mean "node"?'),
        ("zebra: 1", 'zebra: the unknown key "zebra": expected one of apiVersion, name, profile'),
        ("pods:\n  default/a: 5", "s.yaml:4: pods.default/a: 5: expected a mapping"),
        ("pods:\n  - a", "pods: a list: expected a mapping"),
        ("pods:", "pods: nothing: expected a mapping"),
        ("pods: {A: {node: n}}", 'pods.A: the name "A": expected NAMESPACE/NAME in lower-case'),
        ("vcns: {a b: {ipv4: [10.0.0.0/16]}}", 'vcns."a b": the name "a b": expected a name'),
        ("vcns: {a: {ipv4: []}}", "vcns.a.ipv4: a list without entries: expected a list with at least one item"),
        ("vcns: {a: {ipv4: 10.0.0.0/16}}", 'vcns.a.ipv4: "10.0.0.0/16": expected a list with at least one'),
        ("nodes: {n: {ipv4: 010.0.0.1}}", 'nodes.n.ipv4: "010.0.0.1": a leading zero'),
        ("nodes: {n: {ipv4: 1:20}}", 'nodes.n.ipv4: "1:20": not an IPv4 or IPv6 address: expected an IPv4 address'),
        ("nodes: {n: {ipv4: 80}}", "nodes.n.ipv4: 80: expected an IPv4 address"),
        ("nodes: {n: {ipv4: fd00::1}}", 'nodes.n.ipv4: "fd00::1": IPv6: expected an IPv4 address'),
        ("nodes: {n: {listen: [tcp/70000]}}", 'nodes.n.listen[0]: "tcp/70000": a port is 1-65535: expected tcp/PORT'),
        ("internet: {h: {distance_km: far}}", 'internet.h.distance_km: "far": expected a number from 0 to 20100'),
        ("internet: {h: {access: dial}}", 'internet.h.access: "dial": expected "none", "fixed" or "mobile"'),
        ("gateways: {g: {kind: nat}}", "gateways.g: no public_ipv4: expected an IPv4 address"),
        ("gateways: {g: {}}", 'gateways.g: no kind: expected "drg", "internet", "lpg", "nat" or "service"'),
        ("gateways: {g: {kind: vpn}}", 'gateways.g.kind: "vpn": expected "drg", "internet", "lpg", "nat" or "service"'),
        (
            "gateways: {g: {kind: drg, link: l, addresses: [10.255.0.1]}}",
            'gateways.g.addresses[0]: "10.255.0.1": a prefix length is missing, as in 10.255.0.1/24: '
            "expected an address with its prefix length such as 10.1.0.1/24 or fd00:1::1/64",
        ),
        (
            'gateways: {g: {kind: drg, link: l, addresses: [], routes: {"10.0.0.0/8": 7}}}',
            "gateways.g.addresses: a list without entries: expected a list with at least one item",
        ),
        ("vcns: {a: {ipv4: [10.0.0.0/16, 5]}}", "vcns.a.ipv4[1]: 5: expected an IPv4 prefix such as 10.0.0.0/16"),
        ("expect: {a: 1}", "expect: a mapping: expected a list"),
        ("gateways: {g: [1]}", "gateways.g: a list: expected a mapping"),
        ("gateways: {g: {kind: internet, public_ipv4: 192.0.2.1}}", 'gateways.g.public_ipv4: the unknown key'),
        ("gateways: {g: {kind: internet, enabled: no}}", 'gateways.g.enabled: "no": expected true or false'),
        ("gateways: {g: {kind: service, services: {}}}", "gateways.g.services: a mapping without"),
        ("pods: {a/b: {node: n, labels: {v: 1}}}", "pods.a/b.labels.v: 1: expected letters, digits and . _ / -, in"),
        ("services: {a/b: {ports: [{port: 70000}]}}", "services.a/b.ports[0].port: 70000: expected a whole"),
        ("services: {a/b: {ports: [{port: 1:20}]}}", 'services.a/b.ports[0].port: "1:20": expected'),
        ("services: {a/b: {ports: [{port: 1, target_port: Http}]}}", 'services.a/b.ports[0].target_port: "Http"'),
        ("services: {a/b: {ports: [{port: 1, target_port: 0}]}}", "services.a/b.ports[0].target_port: 0: expected"),
        ("services: {a/b: {annotations: {a: true}, ports: [{port: 1}]}}", "services.a/b.annotations.a: true: expected"),
        ("services: {a/b: {ports: [{port: true}]}}", "services.a/b.ports[0].port: true: expected a whole number"),
        ("load_balancers: {l: {kind: gateway, ipv4: 10.0.0.9}}", 'load_balancers.l.kind: "gateway": expected "fl'),
        ("profile: other", 'profile: "other": expected "article" or "as-built"'),
        ("links: {l0: {mtu: 9}}", 'links.l0.mtu: the unknown key "mtu": expected an empty mapping'),
        ("devices: {r0: {forwarding: on}}", 'devices.r0.forwarding: "on": expected true, false, or a mapping such as'),
        ("devices: {r0: {forwarding: {ipv5: true}}}", 'devices.r0.forwarding: the unknown key "ipv5": expected true'),
        ("devices: {r0: {forwarding: {ipv4: 1}}}", "devices.r0.forwarding: ipv4: 1: expected true, false"),
        ("devices: {r0: {rp_filter: false}}", 'devices.r0.rp_filter: false: expected "off", "strict" or "loose"'),
        ("devices: {r 0: {}}", 'devices."r 0": the name "r 0": expected a name of at most 60'),
        (f"devices: {{{'r' * 61}: {{}}}}", f'devices.{"r" * 61}: the name "{"r" * 60}…": expected a name of'),
        ("devices: {r: {interfaces: {interface-sixteen: {}}}}", "devices.r.interfaces.interface-sixteen: the name"),
        ("devices: {r: {interfaces: {a/b: {}}}}", 'devices.r.interfaces.a/b: the name "a/b": expected a name of at'),
        ("devices: {r: {interfaces: {e0: {mtu: 67}}}}", "devices.r.interfaces.e0.mtu: 67: expected a whole number"),
        ("devices: {r: {interfaces: {e0: {mtu: 65536}}}}", "devices.r.interfaces.e0.mtu: 65536: expected a whole"),
        ("devices: {r: {interfaces: {e0: {addresses: [10.0.0.1]}}}}",
         'devices.r.interfaces.e0.addresses[0]: "10.0.0.1": a prefix length is missing, as in 10.0.0.1/24: expected'),
        ("devices: {r: {interfaces: {e0: {addresses: [10.0.0.1/33]}}}}",
         'devices.r.interfaces.e0.addresses[0]: "10.0.0.1/33": the prefix length is 0-32 for IPv4: expected'),
        ("devices: {r: {interfaces: {e0: {addresses: [10.0.0/8]}}}}",
         'devices.r.interfaces.e0.addresses[0]: "10.0.0": not an IPv4 or IPv6 address: expected an address with'),
        ("devices: {r: {routes: [{via: 10.0.0.1}]}}", "devices.r.routes[0]: no to: expected an IPv4 or IPv6 prefix"),
        ("devices: {r: {routes: [{to: 10.0.0.1/8}]}}", 'devices.r.routes[0].to: "10.0.0.1/8": bits are set beyond'),
        ("devices: {r: {routes: [{to: 10.0.0.0/8, type: local}]}}", 'devices.r.routes[0].type: "local": expected "uni'),
        ("devices: {r: {routes: [{to: 10.0.0.0/8, metric: -1}]}}", "devices.r.routes[0].metric: -1: expected a whole"),
        ("devices: {r: {filters: [{action: drop}]}}", 'devices.r.filters[0]: no hook: expected "input", "forward"'),
        ("devices: {r: {filters: [{hook: input, action: deny}]}}", 'devices.r.filters[0].action: "deny": expected'),
        ("devices: {r: {filters: [{hook: input, action: drop, dport: 2-1}]}}",
         'devices.r.filters[0].dport: "2-1": the lower port comes first; did you mean 1-2?'),
        ("devices: {r: {filters: [{hook: input, action: drop, dport: 65536}]}}",
         "devices.r.filters[0].dport: 65536: expected a port or a range such as 1000-2000"),
        ("devices: {r: {filters: [{hook: input, action: drop, sport: true}]}}", "devices.r.filters[0].sport: true: "),
        ("devices: {r: {filters: [{hook: input, action: drop, state: []}]}}", "devices.r.filters[0].state: a list"),
        ("devices: {r: {filters: [{hook: input, action: drop, state: [old]}]}}",
         'devices.r.filters[0].state[0]: "old": expected "new", "established", "related" or "invalid"'),
        ("devices: {r: {nat: [{hook: input, action: dnat}]}}", 'devices.r.nat[0].hook: "input": expected "prerouting"'),
        ("devices: {r: {nat: [{hook: output, action: dnat, to_port: 0}]}}", "devices.r.nat[0].to_port: 0: expected"),
        ('description: "\\e[31m"', 'description: "U+001B[31m": expected a text without control characters'),
        ("expect: [{from: a, to: b, family: ipv4, nat: [magic]}]", 'expect[0].nat: "magic": expected none or a list'),
        ("expect: [{from: a, to: b, family: ipv4, nat: magic}]", 'expect[0].nat: "magic": expected none or a list'),
        ("expect: [{from: a, to: b, family: ipv5}]", 'expect[0].family: "ipv5": expected "ipv4" or "ipv6"'),
    ],
)  # fmt: skip
def test_a_misfit_says_where_what_was_found_and_what_was_expected(text: str, told: str, tmp_path: Path) -> None:
    first = problems_of_text(f"{HEAD}{text}\n", tmp_path)[0]
    assert first.removeprefix("s.yaml:3: ").startswith(told)


def test_the_frame_is_required(tmp_path: Path) -> None:
    assert problems_of_text("description: x\n", tmp_path) == [
        's.yaml:1: no apiVersion: expected "dsflow/v1"',
        "s.yaml:1: no name: expected a name of letters, digits, . _ and - that begins and ends with a letter or digit",
    ]
    assert problems_of_text("apiVersion: dsflow/v2\nname: x\n", tmp_path) == [
        's.yaml:1: apiVersion: "dsflow/v2": expected "dsflow/v1"'
    ]


def test_misfits_and_broken_references_are_told_together(tmp_path: Path) -> None:
    text = """\
nodes: {n: {ipv4: 80}}
pods: {default/a: {node: m}, default/b: {node: n}, default/c: 1}
expect: [{}, {from: pod/default/z, to: pod/default/c, family: ipv4, dport: 1, nat: none}]
"""
    told = "\n".join(problems_of_text(HEAD + text, tmp_path))
    assert "nodes.n.ipv4: 80" in told
    assert 'pods.default/a.node: "m": there is no node of that name' in told
    assert "pods.default/b.node" not in told  # the node exists, only its address is wrong
    assert "pods.default/c: 1: expected a mapping" in told
    assert "expect[0]: no from" in told
    assert 'expect[1].from: "pod/default/z": there is no end point of that name' in told
    assert "expect[1].to" not in told


def test_a_flood_of_misfits_is_counted(tmp_path: Path) -> None:
    pods = "".join(f"  a/p{number}: 5\n" for number in range(1500))
    told = problems_of_text(f"{HEAD}pods:\n{pods}", tmp_path)
    assert len(told) == 1001
    assert "s.yaml:1: 500 more keys and values that do not fit" in told


def test_no_message_speaks_for_a_library() -> None:
    told = "\n".join(problems({"pods": 5, "nodes": [], "expect": {"a": 1}, "flows": [5]}))
    assert not any(word in told for word in ("pydantic", "http", "Input should", "dictionary"))


def test_every_field_is_described() -> None:
    definitions = scenario.json_schema()["$defs"].values()
    for node in (scenario.json_schema(), *definitions):
        assert node["description"]
        for name, entry in node["properties"].items():
            assert entry.get("description"), name


@pytest.mark.parametrize("name", scenario.embedded_names())
def test_the_embedded_scenarios_fit_the_json_schema(name: str) -> None:
    data = json.loads(json.dumps(scenario.read(name).data))
    jsonschema.Draft202012Validator.check_schema(scenario.json_schema())
    jsonschema.validate(data, scenario.json_schema(), cls=jsonschema.Draft202012Validator)


@settings(max_examples=30)
@given(scenario_data())
def test_what_is_valid_fits_the_json_schema(data: dict[str, Any]) -> None:
    jsonschema.validate(data, scenario.json_schema(), cls=jsonschema.Draft202012Validator)


@settings(max_examples=30)
@given(networks())
def test_networks_fit_the_json_schema(data: dict[str, Any]) -> None:
    jsonschema.validate(data, scenario.json_schema(), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("bad", [{"zebra": 1}, {"pods": {"x": {"node": "n"}}}, {"name": 5}, {"profile": "as-drawn"}])
def test_what_is_refused_does_not_fit_the_json_schema(bad: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"apiVersion": "dsflow/v1", "name": "x"} | bad, scenario.json_schema())


def test_expectations_speak_the_words_of_traces() -> None:
    definition = scenario.json_schema()["$defs"]["ExpectationText"]["properties"]
    assert set(_words(definition["disposition"])) == {str(code) for code in DispositionEnum}
    assert set(_words(definition["path_type"])) == {str(kind) for kind in PathType}
    assert set(schema_questions.NAT_KINDS) <= {str(kind) for kind in NatKind}


def _words(node: dict[str, Any]) -> list[str]:
    return next(list(entry["enum"]) for entry in node["anyOf"] if "enum" in entry)
