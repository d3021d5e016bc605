"""Hosts: they answer for themselves and route for nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsflow.dataplane.action import Action, Forward, ToOwner
from dsflow.dataplane.common import routes
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.tables import RouteLookup, Routes
from dsflow.net.address import Address
from dsflow.net.lpm import LongestPrefixTable
from tests.cases import CLIENT, HOST_POD, MATE, POD, REMOTE, WEB, gua, sydney, way


@pytest.mark.parametrize("family", [4, 6])
def test_ping_needs_no_listener(family: int) -> None:
    """Every host answers (RFC 1122 section 3.2.2.6, RFC 4443 section 4.2)."""
    chain = gua().trace(POD, CLIENT, family=family, icmp=True)
    assert chain.round_trip is Disposition.DELIVERED
    assert "echo" in chain.traces[0].reason


def test_a_node_listens_on_its_own_ports_and_on_its_host_networks() -> None:
    """A host-network pod's listener is the node's, and another's is not."""
    change = {"nodes.node-1.listen": ["tcp/22"], f"pods.{HOST_POD.removeprefix('pod/')}.listen": ["tcp/10256"]}
    simulation = sydney().what_if(change)
    for port, expected in ((22, "delivered"), (10256, "delivered"), (80, "no-listener")):
        assert simulation.trace(POD, "node/node-1", family=4, tcp=port).disposition == expected
    assert simulation.trace(POD, "node/node-2", family=4, tcp=10256).disposition is Disposition.NO_LISTENER


def test_tcp_and_udp_ports_are_different_doors() -> None:
    """udp/53 open does not open tcp/53."""
    assert sydney().trace(POD, WEB, family=4, udp=53).disposition is Disposition.DELIVERED
    assert sydney().trace(POD, WEB, family=4, tcp=53).disposition is Disposition.NO_LISTENER
    assert sydney().trace(POD, WEB, family=4, udp=443).disposition is Disposition.NO_LISTENER


def test_pods_of_one_node_are_joined_by_it() -> None:
    """The node's route to each pod is a host route, named as such."""
    chain = sydney().trace(POD, MATE, family=4, tcp=80)
    assert way(chain.traces[0]) == [POD, "node/node-1", MATE]
    assert chain.traces[0].hops[1].steps[0].rule == "node/node-1/pod-route"


def test_a_pod_does_not_route() -> None:
    """What a fabric brings it by mistake it does not pass on (RFC 1122 section 3.3.4.2)."""
    simulation = sydney()
    vcn, node = (simulation.dataplane[name] for name in ("vcn/oke", "node/node-1"))
    martians, lookup = node.receive
    assert isinstance(lookup, RouteLookup)
    astray = dict(lookup.tables)
    to_pod = lookup.tables["eth1"].ipv4.lookup(Address.parse("100.0.5.102").value)
    assert isinstance(to_pod, Forward)
    astray["eth1"] = routes((), to_pod)
    confused = replace(node, receive=(martians, replace(lookup, tables=astray)))
    other = simulation.with_dataplane(simulation.dataplane.replacing(confused))
    chain = other.trace("node/node-2", MATE, family=4, tcp=80)
    assert vcn.id in way(chain.traces[0])
    assert chain.disposition is Disposition.NOT_FORWARDING
    assert way(chain.traces[0])[-1] == POD


def test_a_node_takes_from_its_vnics_only_what_is_its_own() -> None:
    """A packet for a stranger is not sent on."""
    simulation = sydney()
    vcn = simulation.dataplane["vcn/oke"]
    lookup = vcn.receive[0]
    assert isinstance(lookup, RouteLookup)
    remote, other = (Address.parse(text).value for text in ("100.0.5.106", "100.0.5.122"))

    def astray(action: Action) -> Action:
        if not isinstance(action, ToOwner) or other not in action.owners:
            return action
        return ToOwner(action.rule, {**action.owners, remote: action.owners[other]}, action.ownerless, action.lowers)

    wrong = {
        name: Routes(LongestPrefixTable((prefix, astray(row)) for prefix, row in found.ipv4.items()), found.ipv6)
        for name, found in lookup.tables.items()
    }
    confused = replace(vcn, receive=(replace(lookup, tables=wrong),))
    chain = simulation.with_dataplane(simulation.dataplane.replacing(confused)).trace(POD, REMOTE, family=4, tcp=80)
    assert chain.disposition is Disposition.NOT_FORWARDING
    assert way(chain.traces[0])[-1] == "node/node-3"


@pytest.mark.parametrize("source", ["100.0.5.77", "100.0.5.106", "100.0.3.90"])
def test_a_vnic_sends_nothing_in_another_name(source: str) -> None:
    """An unused address, a pod of another node and the node's own: that one the node takes from nobody at all."""
    chain = sydney().trace(POD, "internet/web", family=4, tcp=443, source=source)
    assert chain.disposition is Disposition.SOURCE_CHECK_FAILED
    assert way(chain.traces[0]) == [POD, "node/node-1"]
    own = source == "100.0.3.90"
    assert chain.traces[0].verdict.id == (None if own else "node/node-1/source-destination-check")


def test_the_source_check_is_the_vnics_and_not_the_hosts() -> None:
    """Within one VNIC any of its addresses passes, and between pods of a node nothing is checked."""
    assert sydney().trace(POD, REMOTE, family=4, tcp=80, source="100.0.5.215").forward.disposition == "delivered"
    same_node = sydney().trace(POD, MATE, family=4, tcp=80, source="100.0.5.77")
    assert same_node.disposition is Disposition.DELIVERED
    assert same_node.round_trip is Disposition.RETURN_LOST
