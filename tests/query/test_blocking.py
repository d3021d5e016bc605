"""Everything that stands in the way of a packet, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.query.blocking import blockers_blocks
from dsflow.query.table import Table
from tests.cases import AS_BUILT, CLIENT, DNS, MATE, POD, REMOTE, SERVICE, WEB

CLOSED: dict[str, Any] = {
    "network_policies": {
        "default/in": {"pod_selector": {"match_labels": {"app": "nginx"}}},
        "kube-system/out": {"policy_types": ["Egress"]},
    },
    "nsgs": {"pods": {}},
    "nodes.node-1.pod_nsgs": ["pods"],
    "nodes.node-2.pod_nsgs": ["pods"],
}


def closed() -> Simulation:
    return dsflow.load("oke-sydney-gua").what_if(CLOSED)


@pytest.mark.parametrize("family", [4, 6])
def test_all_of_it_is_found_in_order_and_the_rest_is_as_without(family: int) -> None:
    """Answers of what is let through by way of ignoring are not held up again."""
    chain = closed().trace(DNS, POD, family=family, tcp=80, ignore_policy=True)
    assert chain.succeeded
    assert [(blocker.device, blocker.stage, str(blocker.direction)) for blocker in chain.blockers] == [
        ("node/node-2", "network-policy", "forward"),
        ("node/node-2", "vnic-security", "forward"),
        ("node/node-1", "vnic-security", "forward"),
        ("node/node-1", "network-policy", "forward"),
    ]
    assert all(
        blocker.ignored and blocker.mend and "{" not in blocker.reason + blocker.mend for blocker in chain.blockers
    )
    strict = closed().trace(DNS, POD, family=family, tcp=80)
    assert [blocker.reason for blocker in strict.blockers] == [chain.blockers[0].reason]


def test_what_is_no_policy_comes_last_and_stays() -> None:
    chain = closed().trace(POD, REMOTE, family=6, tcp=81, ignore_policy=True)
    assert chain.disposition == "no-listener"
    assert [blocker.ignored for blocker in chain.blockers] == [True, True, True, False]
    assert chain.blockers[-1].device == REMOTE
    *_, tally = blockers_blocks(chain)
    assert tally == "4 things stand in the way; the last is no policy, and stops it for good."


def test_nothing_in_the_way_is_said() -> None:
    chain = closed().trace("node/node-1", WEB, family=6, tcp=443, ignore_policy=True)
    assert list(blockers_blocks(chain)) == ["nothing stands in the way."]


def test_the_table_says_why_and_what_would_mend_it() -> None:
    chain = closed().trace(POD, MATE, family=6, tcp=80, ignore_policy=True)
    table, tally = blockers_blocks(chain)
    assert tally == "1 thing stands in the way."
    assert isinstance(table, Table)
    (row,) = table.rows
    assert row.cells == ("1", "1", "forward", "node/node-1", "network-policy", "implicit")
    assert row.notes[1].startswith(
        "to mend: allow tcp port 80 from 2001:db8:100:4:0:6ed9:2497:6dd8 in network_policies"
    )


def test_a_filter_of_a_plain_router_is_ignored_too() -> None:
    """Every rule of the hook that would refuse is told, in order, as far as one that accepts."""
    base = dsflow.load("nat-box")
    strict = base.trace("web", "2001:db8:a::80", family=6, tcp=8080)
    assert strict.disposition == "denied-forward"
    lenient = base.trace("web", "2001:db8:a::80", family=6, tcp=8080, ignore_policy=True)
    assert lenient.succeeded
    assert [blocker.stage for blocker in lenient.blockers] == ["forward"]
    more = base.what_if(
        {
            "devices.box.filters": [
                {"hook": "forward", "protocol": "tcp", "dport": 8080, "action": "drop"},
                {"hook": "forward", "protocol": "udp", "action": "drop"},
                {"hook": "forward", "in_interface": "e1", "action": "reject-admin"},
                {"hook": "forward", "protocol": "tcp", "action": "accept"},
                {"hook": "forward", "action": "drop"},
            ]
        }
    )
    every = more.trace("web", "2001:db8:a::80", family=6, tcp=8080, ignore_policy=True)
    assert every.succeeded
    assert [blocker.rule for blocker in every.blockers] == ["device/box/filters#1", "device/box/filters#3"]
    first = more.trace("web", "2001:db8:a::80", family=6, tcp=8080)
    assert (first.disposition, first.traces[0].verdict.id) == ("denied-forward", "device/box/filters#1")


@pytest.mark.parametrize("family", [4, 6])
def test_source_ranges_of_a_load_balancer_are_ignored_too(family: int) -> None:
    """The controller writes security rules for them."""
    ranged = dsflow.load(AS_BUILT).what_if({"services.default/nginx.load_balancer_source_ranges": ["203.0.113.0/24"]})
    assert ranged.trace(CLIENT, SERVICE, family=family, tcp=80).disposition == "denied-ingress"
    lenient = ranged.trace(CLIENT, SERVICE, family=family, tcp=80, ignore_policy=True)
    assert lenient.round_trip == "delivered"
    assert [blocker.stage for blocker in lenient.blockers] == ["listener"]


def test_within_a_session_each_question_says_for_itself() -> None:
    with closed().session() as session:
        assert session.trace(POD, REMOTE, family=6, tcp=80, ignore_policy=True).succeeded
        assert session.trace(DNS, REMOTE, family=6, tcp=80, sport=41000).disposition.is_denial
