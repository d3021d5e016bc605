"""What the gateways carry and what they refuse: the truth about scope, family and public addresses."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.dataplane.disposition import Disposition
from dsflow.trace.ledger import Outcome
from tests.cases import (
    BALANCER,
    CLIENT,
    POD,
    PUBLIC_NODE,
    SERVICE,
    SERVICE_GATEWAY,
    WEB,
    arrived,
    gua,
    kinds,
    sydney,
)

ROUTE4, ROUTE6 = 'route_tables.pods.rules."0.0.0.0/0"', 'route_tables.pods.rules."::/0"'
PRIVATE_PODS = {"subnets.pods.access": "private"}


# --- scope ---------------------------------------------------------------------------------------------------


def test_ula_never_leaves_by_the_internet_gateway() -> None:
    """The article's egress: the route is there and the gateway refuses, saying what would mend it."""
    chain = sydney().trace(POD, WEB, family=6, tcp=443)
    assert chain.disposition is Disposition.SCOPE_UNROUTABLE
    assert kinds(chain.traces[0]) == ["pod", "node", "vcn", "igw"]
    assert "origin ula" in chain.traces[0].reason
    assert chain.traces[0].mend == "number subnet/pods and what is in it from 2001:db8:100::/56, which is global"


def test_ula_is_not_reached_from_the_internet() -> None:
    """Nobody out there has a route to it, so the packet does not leave its sender."""
    chain = sydney().trace(CLIENT, POD, family=6, tcp=80)
    assert chain.disposition is Disposition.SCOPE_UNROUTABLE
    assert kinds(chain.traces[0]) == ["internet"]
    assert "origin is ula" in chain.traces[0].reason


@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_prefix_of_global_bits_taken_as_ula_stays_off_the_internet(direction: str) -> None:
    """The origin decides, never the bits (Network/Concepts/ipv6.htm)."""
    prefixes = [{"prefix": "fd00:100::/56", "origin": "ula"}, {"prefix": "2001:db8:100::/56", "origin": "ula"}]
    simulation = gua().what_if({"vcns.oke.ipv6": prefixes})
    chain = simulation.trace(POD, WEB, family=6, tcp=443) if direction == "out" else simulation.trace(
        CLIENT, POD, family=6, tcp=80
    )  # fmt: skip
    assert chain.disposition is Disposition.SCOPE_UNROUTABLE
    inside = simulation.trace(POD, "node/node-2", family=6, icmp=True)
    assert inside.round_trip is Disposition.DELIVERED


def test_byoip_crosses_like_oracles_own() -> None:
    """Both origins are global."""
    prefixes = [{"prefix": "fd00:100::/56", "origin": "ula"}, {"prefix": "2001:db8:100::/48", "origin": "byoip"}]
    simulation = gua().what_if({"vcns.oke.ipv6": prefixes})
    assert simulation.trace(POD, WEB, family=6, tcp=443).round_trip is Disposition.DELIVERED
    assert simulation.trace(CLIENT, POD, family=6, tcp=80).round_trip is Disposition.DELIVERED


def test_ipv4_of_the_vcn_is_private_although_its_bits_are_global() -> None:
    """100.0.5.102 is nobody's business outside; only translated does it leave."""
    chain = sydney().trace(CLIENT, "100.0.5.102", family=4, tcp=80)
    assert chain.disposition is Disposition.SCOPE_UNROUTABLE
    assert kinds(chain.traces[0]) == ["internet"]
    out = sydney().trace(POD, WEB, family=4, tcp=443)
    assert arrived(out.traces[0].hops[-1]).src == "203.0.113.10"


def test_a_private_subnet_has_no_ipv6_internet_in_either_direction() -> None:
    """Global addresses and routes do not help; IPv4 still leaves by NAT."""
    simulation = gua().what_if(PRIVATE_PODS)
    out = simulation.trace(POD, WEB, family=6, tcp=443)
    into = simulation.trace(CLIENT, POD, family=6, tcp=80)
    for chain in (out, into):
        assert chain.disposition is Disposition.SCOPE_UNROUTABLE
        assert chain.traces[0].hops[-1].device == "igw/igw"
        assert chain.traces[0].mend == "set subnets.pods.access=public"
        assert chain.traces[0].hops[-1].steps[0].rule == "subnet/pods/access"
    assert simulation.trace(POD, WEB, family=4, tcp=443).round_trip is Disposition.DELIVERED


@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.0.1", "192.168.7.7", "100.64.0.1"])
def test_private_space_of_others_is_not_on_the_internet(address: str) -> None:
    """RFC 1918, RFC 6598 and RFC 3927 lead nowhere beyond the gateway."""
    chain = sydney().trace(POD, address, family=4, tcp=80)
    assert chain.disposition is Disposition.SCOPE_UNROUTABLE
    assert "RFC" in chain.traces[0].reason


@pytest.mark.parametrize("address", ["fd00:5555::1", "fdff::1"])
def test_private_ipv6_of_others_is_not_on_the_internet(address: str) -> None:
    """RFC 4193 and RFC 4291 as well; nor does a private source pass."""
    assert gua().trace(POD, address, family=6, tcp=80).disposition is Disposition.SCOPE_UNROUTABLE
    spoofed = gua().trace(POD, WEB, family=6, tcp=80, source=address)
    assert not spoofed.disposition.is_success


# --- who may pass --------------------------------------------------------------------------------------------


def test_ipv4_without_a_public_address_does_not_pass_the_internet_gateway() -> None:
    """0.0.0.0/0 to the Internet gateway kills IPv4 of pods, and the mend names the NAT gateway."""
    chain = sydney().what_if({ROUTE4: "igw/igw"}).trace(POD, WEB, family=4, tcp=443)
    assert chain.disposition is Disposition.NO_PUBLIC_ADDRESS
    assert chain.traces[0].mend == "in the sender's route table, lead 0.0.0.0/0 to natgw/nat"
    row = next(row for row in chain.nat_ledger if row.device == "igw/igw")
    assert row.outcome is Outcome.SKIPPED


def test_without_a_nat_gateway_the_mend_is_to_add_one() -> None:
    """The smallest change is told where it is plain."""
    change = {ROUTE4: "igw/igw", 'route_tables.nodes.rules."0.0.0.0/0"': "igw/igw", "gateways.nat": None}
    chain = sydney().what_if(change).trace(POD, WEB, family=4, tcp=443)
    assert str(chain.traces[0].mend).endswith("a NAT gateway, yet to be added")


@pytest.mark.parametrize("gateway", ["natgw/nat", "sgw/sgw"])
def test_nat_and_service_gateways_never_carry_ipv6(gateway: str) -> None:
    """A rule to them is a finding, and a packet that follows it is refused."""
    simulation = gua().what_if(SERVICE_GATEWAY | {ROUTE6: gateway})
    assert any("never carries IPv6" in str(finding) for finding in simulation.topology.findings)
    chain = simulation.trace(POD, "internet/objects", family=6, tcp=443)
    assert chain.disposition is Disposition.FAMILY_UNAVAILABLE
    assert chain.traces[0].hops[-1].device == gateway
    assert all(row.outcome is not Outcome.APPLIED for row in chain.nat_ledger)


@pytest.mark.parametrize(
    ("gateway", "options", "change"),
    [
        ("nat", {"family": 4}, {}),
        ("igw", {"family": 6}, {}),
        ("sgw", {"family": 4}, SERVICE_GATEWAY),
    ],
)
def test_a_disabled_gateway_carries_nothing(gateway: str, options: dict[str, int], change: dict[str, Any]) -> None:
    """is_enabled and block_traffic: whatever the routes say, and told how to mend."""
    target = "internet/objects" if change else WEB
    simulation = gua().what_if(change) if change else gua()
    off = simulation.what_if({f"gateways.{gateway}.enabled": False})
    chain = off.trace(POD, target, tcp=443, **options)
    assert chain.disposition is Disposition.GATEWAY_DISABLED
    assert chain.traces[0].mend == f"set gateways.{gateway}.enabled=true"
    assert simulation.trace(POD, target, tcp=443, **options).disposition is Disposition.DELIVERED


def test_a_disabled_gateway_keeps_out_what_comes_from_outside() -> None:
    """The other direction is as dead."""
    chain = sydney().what_if({"gateways.igw.enabled": False}).trace(CLIENT, SERVICE, family=4, tcp=80)
    assert chain.disposition is Disposition.GATEWAY_DISABLED
    assert kinds(chain.traces[0]) == ["internet", "igw"]


# --- the service gateway -------------------------------------------------------------------------------------


def test_the_service_gateway_leads_to_oracles_services_and_back_without_translation() -> None:
    """Addresses are kept, and the answer takes the same way."""
    chain = sydney().what_if(SERVICE_GATEWAY).trace(POD, "internet/objects", family=4, tcp=443)
    assert chain.round_trip is Disposition.DELIVERED
    assert kinds(chain.traces[0]) == ["pod", "node", "vcn", "sgw", "internet"]
    assert kinds(chain.traces[1]) == ["internet", "sgw", "vcn", "node", "pod"]
    assert chain.nat_applied == ()
    assert "all" in chain.traces[0].hops[2].steps[0].reason


def test_an_oracle_service_that_is_not_described_leaves_the_model() -> None:
    """Its label covers it; what answers there is not known."""
    chain = sydney().what_if(SERVICE_GATEWAY).trace(POD, "134.70.9.9", family=4, tcp=443)
    assert chain.disposition is Disposition.LEFT_MODEL
    assert chain.traces[0].hops[-1].device == "sgw/sgw"


def test_without_a_rule_oracles_services_are_reached_like_any_host() -> None:
    """Through the NAT gateway."""
    simulation = sydney().what_if({k: v for k, v in SERVICE_GATEWAY.items() if "rules" not in k})
    chain = simulation.trace(POD, "internet/objects", family=4, tcp=443)
    assert chain.round_trip is Disposition.DELIVERED
    assert kinds(chain.traces[0])[3] == "natgw"


# --- beyond --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "address"), [(4, "192.0.2.99"), (6, "2001:db8:dead::1")])
def test_an_unknown_internet_address_leaves_the_model(family: int, address: str) -> None:
    """The last hop keeps its out-interface, and whether an answer comes cannot be told."""
    chain = gua().trace(POD, address, family=family, tcp=80)
    assert chain.disposition is Disposition.LEFT_MODEL
    assert chain.round_trip is Disposition.UNDETERMINED
    assert chain.failed is None
    last = chain.traces[0].hops[-1]
    assert last.out_interface == "internet"
    assert last.packets_out
    assert last.header_out is not None
    assert bool(chain.nat_applied) == (family == 4)


def test_a_public_address_without_an_internet_gateway_is_reached_by_nobody() -> None:
    """It is an address of this scenario: a packet to it is refused, not lost from view."""
    change = {"gateways.igw": None, 'route_tables.lb.rules."0.0.0.0/0"': None}
    change |= {f'route_tables.{table}.rules."::/0"': None for table in ("nodes", "pods", "lb")}
    chain = sydney().what_if(change).trace(CLIENT, BALANCER, family=4, tcp=80)
    assert chain.disposition.is_failure


def test_a_public_node_is_asked_by_its_public_address() -> None:
    """A closed port there answers through the gateway."""
    chain = sydney().what_if(PUBLIC_NODE).trace(CLIENT, "node/node-1", family=4, tcp=23)
    assert chain.disposition is Disposition.NO_LISTENER
    assert chain.traces[1].disposition is Disposition.DELIVERED
    assert arrived(chain.traces[1].hops[-1]).src == "203.0.113.77"
