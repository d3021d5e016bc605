"""The transparent network load balancer: packets as they are, one of several appliances, and the answers' way."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.engine.choosing import Chooser
from dsflow.lab.plan import make_plan
from dsflow.net.build import first_packet, reply_to
from dsflow.scenario import build, read, to_data
from dsflow.trace.chain import Chain
from tests.scenario.helpers import problems

BOTH = pytest.mark.parametrize("family", [4, 6])
SHOP, DATABASE = "pod/default/shop", "device/database"
VNIC = {"link": "subnet/firewall", "addresses": ["10.0.9.11/24", "2001:db8:7:9::11/64"]}
SECOND = {
    "forwarding": True,
    "interfaces": {"vnic": {**VNIC, "source_destination_check": False}},
    "routes": [{"to": "0.0.0.0/0", "via": "10.0.9.1"}, {"to": "::/0", "via": "2001:db8:7:9::1"}],
    "filters": [
        {"hook": "forward", "state": ["established", "related"], "action": "accept"},
        {"hook": "forward", "state": ["invalid"], "action": "drop"},
    ],
}
HUB = {
    "kind": "network",
    "ipv4": "10.0.9.5",
    "ipv6": "2001:db8:7:9::5",
    "is_preserve_source_destination": True,
    "appliances": ["device/firewall", "device/second"],
}
RULES = {
    'route_tables.pods.rules."10.0.8.0/24"': "private-ip/10.0.9.5",
    'route_tables.pods.rules."2001:db8:7:8::/64"': "private-ip/2001:db8:7:9::5",
    'route_tables.data.rules."10.0.4.0/24"': "private-ip/10.0.9.5",
    'route_tables.data.rules."2001:db8:7:4::/64"': "private-ip/2001:db8:7:9::5",
}
CHANGES: dict[str, Any] = {"devices.second": SECOND, "load_balancers.hub": HUB, **RULES}
SYMMETRIC = {"load_balancers.hub.is_symmetric_hash_enabled": True}


def hub(**changes: Any) -> Simulation:
    return dsflow.load("onprem-firewall").what_if({**CHANGES, **changes})


def appliances(chain: Chain) -> list[str]:
    """Which one each direction came to."""
    hops = [hop for trace in chain.traces for hop in trace.hops]
    return [hop.device for before, hop in pairwise(hops) if before.device == "lb/hub"]


@BOTH
def test_packets_pass_as_they_are_and_one_of_the_appliances_takes_them(family: int) -> None:
    branches = hub(**SYMMETRIC).branches(SHOP, DATABASE, family=family, tcp=5432)
    assert [branch.probability.denominator for branch in branches] == [2, 2]
    taken = []
    for branch in branches:
        chain = branch.chain
        assert (chain.succeeded, chain.round_trip, chain.nat_applied) == (True, "delivered", ())
        there, back = appliances(chain)
        assert there == back
        taken.append(there)
        at = next(hop for hop in chain.traces[0].hops if hop.device == "lb/hub")
        assert at.packets_in == at.packets_out
        assert {row.outcome for row in chain.nat_ledger if row.device == "lb/hub"} == {"skipped"}
    assert taken == ["device/firewall", "device/second"]


@BOTH
def test_without_symmetric_hashing_an_answer_may_come_to_a_stranger(family: int) -> None:
    """A firewall that tracks connections drops what answers a question that it has not seen."""
    found = hub().branches(SHOP, DATABASE, family=family, tcp=5432)
    assert len(found) == 4
    trips = {tuple(appliances(branch.chain)): str(branch.chain.round_trip) for branch in found}
    assert {way: trip for way, trip in trips.items() if way[0] == way[1]} == {
        ("device/firewall",) * 2: "delivered", ("device/second",) * 2: "delivered",
    }  # fmt: skip
    assert trips["device/second", "device/firewall"] == "return-lost"


@BOTH
def test_a_flow_keeps_to_its_appliance(family: int) -> None:
    """Whatever the seed; many flows are spread evenly, and with symmetric hashing their answers go with them."""
    chooser = Chooser()
    flows = [first_packet(family, "tcp", 1, 2, sport=port, dport=80) for port in range(1000, 4000)]
    for seed in (0, 7):
        ways = [chooser.spread(3, flow, seed, 5, symmetric=True) for flow in flows]
        assert ways == [chooser.spread(3, flow, seed, 5, symmetric=True) for flow in flows]
        answers = [answer for flow in flows if (answer := reply_to(flow)) is not None]
        assert ways == [chooser.spread(3, answer, seed, 5, symmetric=True) for answer in answers]
        assert ways != [chooser.spread(3, answer, seed, 5, symmetric=False) for answer in answers]
        assert ways != [chooser.spread(3, flow, seed, 6, symmetric=True) for flow in flows]
        assert (
            sum((count - 1000) ** 2 / 1000 for count in Counter(ways).values()) < 13.8
        )  # chi square, 2 degrees, 0.1 %
    simulation = hub(**SYMMETRIC)
    taken = {
        appliances(simulation.trace(SHOP, DATABASE, family=family, tcp=5432, sport=p))[0] for p in range(2000, 2020)
    }
    assert taken == {"device/firewall", "device/second"}


@BOTH
def test_an_appliance_whose_vnic_checks_takes_nothing(family: int) -> None:
    checking = hub(**SYMMETRIC, **{"devices.second.interfaces.vnic.source_destination_check": True})
    lost = [branch.chain for branch in checking.branches(SHOP, DATABASE, family=family, tcp=5432)][1]
    assert (lost.disposition, lost.forward.ended_at.device) == ("blackholed", "lb/hub")
    assert lost.forward.mend == "set devices.second.interfaces.vnic.source_destination_check: false"


def test_appliances_without_an_address_of_the_family() -> None:
    legacy = {**VNIC, "addresses": ["10.0.9.11/24"], "source_destination_check": False}
    changes = {
        "load_balancers.hub.appliances": ["device/second"],
        "devices.second.interfaces.vnic": legacy,
        "devices.second.routes": [{"to": "0.0.0.0/0", "via": "10.0.9.1"}],
    }
    simulation = hub(**changes)
    assert simulation.trace(SHOP, DATABASE, family=4, tcp=5432).succeeded
    chain = simulation.trace(SHOP, DATABASE, family=6, tcp=5432)
    assert (chain.disposition, chain.forward.ended_at.device) == ("no-backend", "lb/hub")
    assert chain.forward.reason == "none of the appliances behind lb/hub has an IPv6 address"


@BOTH
def test_its_own_address_answers_nobody(family: int) -> None:
    chain = hub().trace(SHOP, "lb/hub", family=family, tcp=80)
    assert (chain.disposition, chain.forward.ended_at.device) == ("no-listener", "lb/hub")


@BOTH
def test_its_vnic_has_security_rules(family: int) -> None:
    """Of the subnet and groups of its own, as any VNIC."""
    shut = hub(**{"nsgs": {"hub": {"ingress": []}}, "load_balancers.hub.nsgs": ["hub"]})
    chain = shut.trace(SHOP, DATABASE, family=family, tcp=5432)
    assert (chain.disposition, chain.forward.ended_at.device) == ("denied-ingress", "lb/hub")


def test_it_is_written_as_it_was_read() -> None:
    topology = hub(**SYMMETRIC).topology
    assert build(read(to_data(topology))).load_balancers["hub"].appliances == ("device/firewall", "device/second")
    assert build(read(to_data(topology))).load_balancers["hub"].symmetric_hash


def test_the_lab_has_no_stand_in_for_it() -> None:
    assert make_plan(hub().topology)


def test_appliances_that_check_are_a_finding() -> None:
    checking = hub(**{"devices.second.interfaces.vnic.source_destination_check": True})
    told = "lb/hub hands on in vain unless devices.second.interfaces.vnic.source_destination_check is false"
    assert len([finding for finding in checking.topology.findings if told in str(finding)]) == 4
    assert not [finding for finding in hub().topology.findings if "in vain" in str(finding)]


OWN = "load_balancers.hub"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({f"{OWN}.kind": "flexible"}, f"{OWN}.is_preserve_source_destination: true with kind: flexible"),
        ({f"{OWN}.public_ipv4": "203.0.113.5"}, f"{OWN}.public_ipv4: a public address of a transparent load balancer"),
        ({f"{OWN}.appliances": []}, f"{OWN}: is_preserve_source_destination: true without appliances"),
        ({f"{OWN}.appliances": ["device/files"]}, f'{OWN}.appliances: "device/files": expected a device with a VNIC'),
        ({f"{OWN}.appliances": ["node/node-1"]}, f'{OWN}.appliances: "node/node-1": expected a device with a VNIC'),
        ({f"{OWN}.is_preserve_source_destination": False}, f"{OWN}.appliances: appliances without "),
        ({"services.default/s": {"type": "LoadBalancer", "ports": [{"port": 1}], "load_balancer": "lb/hub"}},
         f"{OWN}: transparent, and a Service's load balancer"),
    ],
)  # fmt: skip
def test_what_it_cannot_be(changes: dict[str, Any], told: str) -> None:
    found = problems({**CHANGES, **changes}, "onprem-firewall")
    assert any(told in problem for problem in found), found
