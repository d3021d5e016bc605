"""The VCN's router: its own subnet first, then the longest prefix, static before local, else silence."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from dsflow.dataplane.disposition import Disposition
from tests.cases import CLIENT, DNS, POD, REMOTE, WEB, gua, kinds, left, sydney


def test_within_a_subnet_nothing_is_routed() -> None:
    """The hop limit stays, and the step says that no rule applies."""
    vcn = sydney().trace(POD, REMOTE, family=4, tcp=80).traces[0].hops[2]
    assert vcn.header_in == vcn.header_out
    assert "no rule applies" in vcn.steps[0].reason
    assert vcn.steps[0].rule is None


def test_between_subnets_the_local_route_lowers() -> None:
    """The implicit rule is named, and it is implicit."""
    vcn = sydney().trace(POD, "node/node-2", family=4, icmp=True).traces[0].hops[2]
    assert (vcn.steps[0].rule, vcn.steps[0].explicit) == ("vcn/oke/local", False)
    assert left(vcn).ttl == 62


@pytest.mark.parametrize("prefix", ["100.0.5.0/24", "100.0.5.106/32"])
def test_no_rule_diverts_a_packet_within_its_subnet(prefix: str) -> None:
    """Even a host route for the target is never consulted (managingroutetables.htm, note)."""
    chain = sydney().what_if({f'route_tables.pods.rules."{prefix}"': "natgw/nat"}).trace(POD, REMOTE, family=4, tcp=80)
    assert chain.round_trip is Disposition.DELIVERED
    assert kinds(chain.traces[0]) == ["pod", "node", "vcn", "node", "pod"]


def test_the_longest_prefix_wins_whatever_the_order() -> None:
    """A host route beats the default, written before or after it."""
    for order in (("0.0.0.0/0", "198.51.100.80/32"), ("198.51.100.80/32", "0.0.0.0/0")):
        rules = {prefix: "igw/igw" if prefix.endswith("32") else "natgw/nat" for prefix in order}
        simulation = (
            sydney()
            .what_if({"route_tables.pods.rules": None})
            .what_if({f'route_tables.pods.rules."{prefix}"': target for prefix, target in rules.items()})
        )
        chain = simulation.trace(POD, WEB, family=4, tcp=443)
        assert chain.traces[0].hops[-1].device == "igw/igw"
        assert chain.traces[0].hops[2].steps[0].rule == f"subnet/pods/route-table#{order.index('198.51.100.80/32') + 1}"
        assert simulation.trace(POD, CLIENT, family=4, icmp=True).disposition is Disposition.DELIVERED


def test_what_no_rule_covers_is_dropped_in_silence() -> None:
    """No error goes back; the missing rule is the mend, in each family."""
    for family, prefix, gateway in ((4, "0.0.0.0/0", "natgw/nat"), (6, "::/0", "igw/igw")):
        chain = gua().what_if({f'route_tables.pods.rules."{prefix}"': None}).trace(POD, WEB, family=family, tcp=443)
        assert chain.disposition is Disposition.NO_ROUTE
        assert len(chain.traces) == 1
        assert chain.traces[0].mend == f"for the Internet, add the rule {prefix}: {gateway} to route_tables.pods.rules"


def test_a_subnet_without_a_table_reaches_its_vcn_only() -> None:
    """The mend is a table, and where no gateway would serve, a gateway."""
    simulation = gua().what_if({"subnets.pods.route_table": None})
    chain = simulation.trace(POD, WEB, family=4, tcp=443)
    assert chain.disposition is Disposition.NO_ROUTE
    assert chain.traces[0].mend == "give subnet/pods a route table that leads 0.0.0.0/0 to natgw/nat"
    assert simulation.trace(POD, DNS, family=4, udp=53).disposition is Disposition.DELIVERED
    lab = dsflow.load("two-pods").trace("pod/default/client", "192.0.2.1", family=4, tcp=80)
    assert lab.disposition is Disposition.NO_ROUTE
    assert lab.traces[0].mend == "for the Internet, add a gateway of kind nat and lead 0.0.0.0/0 to it"


def test_an_address_inside_that_nobody_has_is_no_neighbour() -> None:
    """The local route holds, and no VNIC answers."""
    for address in ("100.0.5.99", "100.0.99.1"):
        chain = sydney().trace(POD, address, family=4, tcp=80)
        assert chain.disposition is Disposition.NEIGHBOR_UNREACHABLE
        assert chain.traces[0].hops[-1].device == "vcn/oke"


def test_a_real_host_inside_the_vcns_prefix_is_out_of_reach() -> None:
    """The local route wins over the Internet, and the scenario's findings say so."""
    simulation = sydney().what_if({"internet.real": {"ipv4": "100.0.77.7", "listen": ["tcp/80"]}})
    assert any("local route wins" in str(finding) for finding in simulation.topology.findings)
    chain = simulation.trace(POD, "internet/real", family=4, tcp=80)
    assert chain.disposition is Disposition.NEIGHBOR_UNREACHABLE
    assert chain.traces[0].hops[-1].device == "vcn/oke"


def test_the_longer_static_rule_takes_packets_off_the_local_route() -> None:
    """Between subnets a rule may override the local route; to a gateway, such a packet is lost."""
    simulation = sydney().what_if({'route_tables.pods.rules."100.0.3.0/24"': "natgw/nat"})
    chain = simulation.trace(POD, "node/node-2", family=4, icmp=True)
    assert chain.traces[0].hops[-1].device == "natgw/nat"
    assert not chain.disposition.is_success


def _two_vcns() -> dict[str, Any]:
    def half(name: str, number: int) -> dict[str, Any]:
        return {"vcn": name, "ipv4": f"10.{number}.0.0/24", "access": "public", "route_table": name}

    return {
        "apiVersion": "dsflow/v1",
        "name": "apart",
        "vcns": {"a": {"ipv4": ["10.1.0.0/16"]}, "b": {"ipv4": ["10.2.0.0/16"]}},
        "gateways": {
            f"nat-{vcn}": {"kind": "nat", "vcn": vcn, "public_ipv4": f"203.0.113.{number}"}
            for number, vcn in ((1, "a"), (2, "b"))
        },
        "route_tables": {vcn: {"vcn": vcn, "rules": {"0.0.0.0/0": f"natgw/nat-{vcn}"}} for vcn in ("a", "b")},
        "subnets": {"a": half("a", 1), "b": half("b", 2)},
        "nodes": {"one": {"ipv4": "10.1.0.10", "listen": ["tcp/22"]}, "two": {"ipv4": "10.2.0.10"}},
    }


def test_vcns_that_are_not_peered_are_strangers() -> None:
    """Private addresses of one are nowhere for the other."""
    chain = dsflow.load(_two_vcns()).trace("node/two", "node/one", family=4, tcp=22)
    assert chain.disposition is Disposition.SCOPE_UNROUTABLE
    assert chain.traces[0].hops[-1].device == "natgw/nat-b"
