"""Oracle's rules as whole tables: IPv6 and the Internet, and which target of a route rule carries which family."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from dsflow import Simulation
from dsflow.dataplane.disposition import Disposition
from tests.cases import CLIENT, POD, PUBLIC_NODE, SERVICE_GATEWAY, WEB, gua, office
from tests.peered import peered

ROUTE6 = 'route_tables.pods.rules."::/0"'
ORIGINS = {"oracle-gua": "2001:db8:100::/56", "byoip": "2001:db8:100::/48", "ula": "2001:db8:100::/56"}

INTERNET = [
    (origin, access, rule, enabled)
    for origin, access, rule, enabled in product(ORIGINS, ("public", "private"), ("igw/igw", None), (True, False))
]


@pytest.mark.parametrize(("origin", "access", "rule", "enabled"), INTERNET)
def test_ipv6_and_the_internet(origin: str, access: str, rule: str | None, enabled: bool) -> None:
    """Allowed if and only if the prefix is global, the subnet public, the rule there, and the gateway enabled.

    Source: Network/Concepts/ipv6.htm and managingIGs.htm; the same holds in both directions.
    """
    prefixes = [{"prefix": "fd00:100::/56", "origin": "ula"}, {"prefix": ORIGINS[origin], "origin": origin}]
    simulation = gua().what_if(
        {"vcns.oke.ipv6": prefixes, "subnets.pods.access": access, ROUTE6: rule, "gateways.igw.enabled": enabled}
    )
    allowed = origin != "ula" and access == "public" and rule is not None and enabled
    out, into = simulation.trace(POD, WEB, family=6, tcp=443), simulation.trace(CLIENT, POD, family=6, tcp=80)
    assert (out.round_trip is Disposition.DELIVERED) is allowed
    assert (into.round_trip is Disposition.DELIVERED) is allowed
    assert out.disposition.is_success is allowed
    assert out.nat_applied == into.nat_applied == ()


SHOP = "pod/default/shop"
CARRIED: dict[str, tuple[Callable[[], Simulation], str, str, int]] = {
    "igw/igw": (lambda: gua().what_if(PUBLIC_NODE), "node/node-1", WEB, 443),
    "natgw/nat": (lambda: gua().what_if({ROUTE6: "natgw/nat"}), POD, WEB, 443),
    "sgw/sgw": (lambda: gua().what_if(SERVICE_GATEWAY | {ROUTE6: "sgw/sgw"}), POD, "internet/objects", 443),
    "drg/office": (office, SHOP, "files", 445),
    "lpg/to-hub": (peered, SHOP, "database", 5432),
    "device/firewall": (office, SHOP, "database", 5432),  # a private-IP target, whose VNIC does not check
}
ONLY_IPV4 = {"natgw/nat", "sgw/sgw"}


@pytest.mark.parametrize(("target", "family"), list(product(CARRIED, (4, 6))))
def test_route_targets_and_families(target: str, family: int) -> None:
    """NAT and service gateways never carry IPv6 (Network/Concepts/ipv6.htm); the others carry both families."""
    simulation, origin, destination, port = CARRIED[target]
    chain = simulation().trace(origin, destination, family=family, tcp=port)
    assert target in [hop.device for hop in chain.traces[0].hops]
    if family == 6 and target in ONLY_IPV4:
        assert chain.disposition is Disposition.FAMILY_UNAVAILABLE
        assert chain.traces[0].hops[-1].device == target
    else:
        assert chain.round_trip is Disposition.DELIVERED


@pytest.mark.parametrize(("checks", "family"), list(product((False, True), (4, 6))))
def test_a_private_ip_as_target_and_the_source_destination_check(checks: bool, family: int) -> None:
    """A VNIC that checks takes nothing that is not its own (managingroutetables.htm, managingVNICs.htm)."""
    simulation = office().what_if({"devices.firewall.interfaces.vnic.source_destination_check": checks})
    chain = simulation.trace(SHOP, "database", family=family, tcp=5432)
    assert (chain.round_trip is Disposition.DELIVERED) is not checks
    assert (chain.disposition is Disposition.BLACKHOLED) is checks
