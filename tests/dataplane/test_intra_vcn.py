"""Rules for a prefix inside the VCN: between subnets the longest prefix decides, static before local."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Address, Family, Prefix
from tests.cases import office, way
from tests.peered import peered

SHOP = "pod/default/shop"
NODE = {4: "10.0.3.12", 6: "2001:db8:7:3::12"}
FIREWALL = {4: "private-ip/10.0.9.10", 6: "private-ip/2001:db8:7:9::10"}
WHOLE = {4: "10.0.0.0/16", 6: "2001:db8:7::/56"}
LENGTHS = {4: (15, 16, 20, 24, 32), 6: (48, 56, 60, 64, 128)}


@pytest.mark.parametrize(("family", "place"), list(product((4, 6), range(5))))
def test_a_static_rule_counts_from_the_length_of_the_local_route_on(family: int, place: int) -> None:
    """Shorter it loses, equal and longer it wins."""
    length = LENGTHS[family][place]
    prefix = Prefix.around(Address.parse(NODE[family]), length)
    own = {f'route_tables.pods.rules."{text}"': None for text in ("10.0.8.0/24", "2001:db8:7:8::/64")}
    simulation = office().what_if(own | {f'route_tables.pods.rules."{prefix}"': FIREWALL[family], "expect": []})
    chain = simulation.trace(SHOP, "node/node-2", family=family, tcp=443)
    assert ("device/firewall" in way(chain.traces[0])) is (place > 0)


@pytest.mark.parametrize("family", [4, 6])
def test_the_longer_of_two_static_rules_wins(family: int) -> None:
    """All but one subnet through the firewall: the way of that one leads to the DRG, where it ends."""
    subnet = {4: "10.0.3.0/24", 6: "2001:db8:7:3::/64"}[family]
    simulation = office().what_if(
        {
            f'route_tables.pods.rules."{WHOLE[family]}"': FIREWALL[family],
            f'route_tables.pods.rules."{subnet}"': "drg/office",
            "expect": [],
        }
    )
    assert simulation.trace(SHOP, "node/node-2", family=family, tcp=22).traces[0].hops[-1].device == "drg/office"
    assert "device/firewall" in way(simulation.trace(SHOP, "database", family=family, tcp=5432).traces[0])


@pytest.mark.parametrize("family", [4, 6])
def test_within_its_own_subnet_nothing_is_routed_however_long_the_rule(family: int) -> None:
    """Not by the whole VCN's prefix, the subnet's, or a host route."""
    cart = {4: "10.0.4.22", 6: "2001:db8:7:4::22"}[family]
    lengths = {4: (16, 24, 32), 6: (56, 64, 128)}[family]
    rules = {str(Prefix.around(Address.parse(cart), length)): FIREWALL[family] for length in lengths}
    changes = {f'route_tables.pods.rules."{prefix}"': target for prefix, target in rules.items()}
    chain = office().what_if({"expect": [], **changes}).trace(SHOP, "pod/default/cart", family=family, tcp=8080)
    assert way(chain.traces[0]) == [SHOP, "node/node-1", "vcn/oke", "node/node-2", "pod/default/cart"]


@pytest.mark.parametrize(("target", "family"), list(product(("lpg/to-hub", "private-ip", "drg"), (4, 6))))
def test_a_rule_inside_the_vcn_may_lead_to_an_lpg_a_drg_or_a_private_ip(target: str, family: int) -> None:
    """An LPG's peer and a DRG with one VCN know no way back; a private IP sends it on."""
    if target == "lpg/to-hub":
        prefix = {4: "10.1.3.0/24", 6: "fd00:b:0:3::/64"}[family]
        simulation = peered().what_if({f'route_tables.spoke.rules."{prefix}"': target})
        chain = simulation.trace(SHOP, "node/node-1", family=family, tcp=22)
        assert chain.disposition is Disposition.DELIVERED, "on its own node a pod needs no VCN"
        chain = simulation.trace(SHOP, {4: "10.1.3.99", 6: "fd00:b:0:3::99"}[family], family=family, tcp=22)
        assert (chain.disposition, chain.traces[0].hops[-1].device) == (Disposition.NO_ROUTE, "vcn/hub")
    else:
        prefix = {4: "10.0.3.0/24", 6: "2001:db8:7:3::/64"}[family]
        leads_to = FIREWALL[family] if target == "private-ip" else "drg/office"
        simulation = office().what_if({f'route_tables.pods.rules."{prefix}"': leads_to, "expect": []})
        chain = simulation.trace(SHOP, "node/node-2", family=family, tcp=443)
        if target == "private-ip":
            assert way(chain.traces[0])[2:5] == ["vcn/oke", "device/firewall", "vcn/oke"]
        else:
            assert (chain.disposition, chain.traces[0].hops[-1].device) == (Disposition.NO_ROUTE, "drg/office")
    assert not any("where OCI leads to" in str(finding) for finding in simulation.topology.findings)


@given(st.lists(st.integers(16, 32), min_size=1, max_size=6, unique=True), st.integers(12, 250))
@settings(max_examples=40, deadline=None)
def test_the_longest_rule_around_an_address_decides(lengths: list[int], last: int) -> None:
    """By brute force over the rules, in any order; beside the VCN's own prefix, which a rule of its length beats."""
    address = Address(Family.IPV4, (10 << 24) + (3 << 8) + last)
    anchor = Address.parse("10.0.3.77")
    prefixes = [Prefix.around(anchor, length) for length in lengths]
    rules = {str(prefix): "drg/office" for prefix in prefixes}
    simulation = office().what_if({"route_tables.pods": {"rules": rules}, "expect": [], "flows": []})
    chain = simulation.trace(SHOP, str(address), family=4, icmp=True)
    covered = any(address in prefix for prefix in prefixes)
    assert ("drg/office" in way(chain.traces[0])) is covered
