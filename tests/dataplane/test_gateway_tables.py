"""Tables of gateways: what enters the VCN is led by them, and what they do not cover is delivered inside."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from dsflow import Simulation
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.nat import NatKind
from tests.cases import office, way
from tests.peered import INSPECTED, TRANSIT, peered

SHOP = "pod/default/shop"
BOTH = list(product(((SHOP, "files", 445), ("files", SHOP, 8080)), (4, 6)))


@pytest.mark.parametrize(("question", "family"), BOTH)
def test_with_tables_the_hub_is_a_transit(question: tuple[str, str, int], family: int) -> None:
    """From DRG to LPG and back, neither of which leads anywhere by itself."""
    origin, target, port = question
    chain = peered().what_if(TRANSIT).trace(origin, target, family=family, tcp=port)
    assert chain.round_trip is Disposition.DELIVERED
    assert way(chain.traces[1]) == way(chain.traces[0])[::-1]
    assert {"drg/office", "vcn/hub", "lpg/to-spoke", "lpg/to-hub"} <= set(way(chain.traces[0]))
    steps = [hop.steps[0] for hop in chain.traces[0].hops if hop.device == "vcn/hub"]
    table = "lpg/to-spoke" if origin == SHOP else "drg/office"
    assert [str(step.rule).partition("#")[0] for step in steps] == [f"{table}/route-table"]


@pytest.mark.parametrize(("question", "family"), BOTH)
def test_a_hub_can_lead_all_that_passes_through_its_firewall(question: tuple[str, str, int], family: int) -> None:
    """By private IPs in the tables of both gateways; the firewall sees both directions."""
    origin, target, port = question
    chain = peered().what_if(INSPECTED).trace(origin, target, family=family, tcp=port)
    assert chain.round_trip is Disposition.DELIVERED
    assert all("device/firewall" in way(trace) for trace in chain.traces)


@pytest.mark.parametrize("family", [4, 6])
def test_what_the_table_does_not_cover_is_delivered_inside(family: int) -> None:
    """The implicit local route is in the table of a gateway too."""
    simulation = peered().what_if(TRANSIT)
    for origin in (SHOP, "files"):
        chain = simulation.trace(origin, "database", family=family, tcp=5432)
        assert chain.disposition is Disposition.DELIVERED
        hub = next(hop for hop in chain.traces[0].hops if hop.device == "vcn/hub")
        assert hub.steps[0].rule == "vcn/hub/local"


def test_what_neither_covers_is_dropped_and_the_missing_rule_is_the_mend() -> None:
    chain = peered().what_if(TRANSIT).trace(SHOP, "internet/web", family=4, tcp=443)
    assert (chain.disposition, chain.traces[0].hops[-1].device) == (Disposition.NO_ROUTE, "vcn/hub")
    assert chain.traces[0].mend == "add a rule for 198.51.100.80 to route_tables.from-spoke.rules"


@pytest.mark.parametrize("family", [4, 6])
def test_a_rule_as_long_as_the_local_route_comes_before_it(family: int) -> None:
    """Static beats local (managingroutetables.htm): all that enters by the LPG passes the firewall."""
    whole = {4: ("10.0.0.0/16", "10.0.9.10"), 6: ("2001:db8:a00::/56", "2001:db8:a00:9::10")}[family]
    rules = {whole[0]: f"private-ip/{whole[1]}"}
    simulation = peered().what_if(
        {"route_tables.in": {"vcn": "hub", "rules": rules}, "gateways.to-spoke.route_table": "in"}
    )
    chain = simulation.trace(SHOP, "database", family=family, tcp=5432)
    assert "device/firewall" in way(chain.traces[0])
    assert "device/firewall" not in way(chain.traces[1])


def test_the_drg_imports_what_the_table_of_its_attachment_covers() -> None:
    """Without it nothing but the hub's own prefixes is known on the far side (Oracle SDK, VcnRouteType)."""
    simulation = peered().what_if(TRANSIT | {'route_tables.from-office.rules."10.1.0.0/16"': None})
    chain = simulation.trace("files", SHOP, family=4, tcp=8080)
    assert (chain.disposition, chain.traces[0].hops[-1].device) == (Disposition.NO_ROUTE, "drg/office")
    imported = peered().what_if(TRANSIT).trace("files", SHOP, family=4, tcp=8080).traces[0].hops[2].steps
    assert any("has imported a route for 10.1.4.21" in step.reason for step in imported)


@pytest.mark.parametrize(("family", "gateway"), [(4, "natgw/nat"), (6, "igw/igw")])
def test_the_hubs_internet_gateways_serve_no_other_vcn(family: int, gateway: str) -> None:
    """Not even by way of an appliance, unless it takes an address of the hub for theirs."""
    chain = peered().what_if(INSPECTED).trace(SHOP, "internet/web", family=family, tcp=443)
    assert chain.disposition is Disposition.SCOPE_UNROUTABLE
    assert chain.traces[0].hops[-1].device == gateway
    assert "serves vcn/hub alone" in chain.traces[0].reason


def test_an_appliance_that_translates_leads_the_spoke_to_the_internet() -> None:
    """The hub's NAT gateway sees the appliance's own address."""
    masquerade = {"hook": "postrouting", "family": "ipv4", "from": "10.1.0.0/16", "action": "masquerade"}
    chain = (
        peered()
        .what_if(INSPECTED | {"devices.firewall.nat": [masquerade]})
        .trace(SHOP, "internet/web", family=4, tcp=443)
    )
    assert chain.round_trip is Disposition.DELIVERED
    assert chain.nat_kinds == (NatKind.MASQUERADE, NatKind.GATEWAY_SNAT)


# --- an appliance behind the Internet gateway ------------------------------------------------------------------

_DOOR: dict[str, Any] = {
    "gateways.igw": {"kind": "internet", "route_table": "inbound"},
    "route_tables.inbound": {"rules": {"2001:db8:7:4::/64": "private-ip/2001:db8:7:9::10"}},
    'route_tables.pods.rules."::/0"': "private-ip/2001:db8:7:9::10",
    'route_tables.firewall.rules."::/0"': "igw/igw",
    "subnets.pods.access": "public",
    "subnets.firewall.access": "public",
}
"""What comes from and goes to the Internet in IPv6 passes the firewall, which tracks connections."""


def _door(changes: dict[str, Any] | None = None) -> Simulation:
    return office().what_if(_DOOR | (changes or {}))


def test_what_enters_by_the_internet_gateway_passes_the_appliance_both_ways() -> None:
    chain = _door().trace(SHOP, "internet/web", family=6, tcp=443)
    assert chain.round_trip is Disposition.DELIVERED
    passed = ["igw/igw", "vcn/oke", "device/firewall", "vcn/oke", "node/node-1", SHOP]
    assert way(chain.traces[1]) == ["internet/web", *passed]


def test_a_table_without_the_way_out_leaves_the_firewall_with_half_a_connection() -> None:
    """The pods' packets pass it by, their answers do not: it has seen no beginning, and a finding says so before."""
    simulation = _door({'route_tables.pods.rules."::/0"': "igw/igw"})
    chain = simulation.trace(SHOP, "internet/web", family=6, tcp=443)
    assert (chain.disposition, chain.round_trip) == (Disposition.DELIVERED, Disposition.RETURN_LOST)
    assert "device/firewall" not in way(chain.traces[0])
    assert (chain.traces[1].disposition, way(chain.traces[1])[-1]) == (Disposition.DENIED_FORWARD, "device/firewall")
    told = [str(finding) for finding in simulation.topology.findings]
    assert any("leads to device/firewall, and no table in subnet pods leads IPv6 back there" in one for one in told)
    assert not any("half of each connection" in str(finding) for finding in _door().topology.findings)


@pytest.mark.parametrize(("kind", "target"), [("nat", "internet/web"), ("service", "internet/objects")])
def test_answers_by_nat_and_service_gateways_are_led_too(kind: str, target: str) -> None:
    """Here by a router that lets all pass."""
    gateways: dict[str, dict[str, Any]] = {
        "nat": {"gateways.nat.route_table": "inbound"},
        "service": {
            "gateways.sgw": {"kind": "service", "services": {"all": ["134.70.0.0/16"]}, "route_table": "inbound"},
            "route_tables.pods.rules.all": "sgw/sgw",
            "internet.objects": {"ipv4": "134.70.0.10", "listen": ["tcp/443"]},
        },
    }
    changes = {
        "route_tables.inbound": {"rules": {"10.0.4.0/24": "private-ip/10.0.9.10"}},
        'route_tables.pods.rules."0.0.0.0/0"': "natgw/nat",
        "devices.firewall.filters": [],
        "devices.firewall.nat": [],
    }
    chain = office().what_if(changes | gateways[kind]).trace(SHOP, target, family=4, tcp=443)
    assert chain.round_trip is Disposition.DELIVERED
    assert "device/firewall" not in way(chain.traces[0])
    assert "device/firewall" in way(chain.traces[1])
