"""What an author should know although the scenario can be used."""

from __future__ import annotations

from typing import Any

from dsflow import scenario
from tests.scenario.helpers import built


def findings(changes: dict[str, Any], base: str = "oke-sydney") -> list[str]:
    return [str(finding).partition(": ")[2] for finding in built(changes, base).findings]


def test_the_embedded_scenarios_have_none() -> None:
    for name in scenario.embedded_names():
        assert findings({}, name) == []


def test_ipv6_rules_to_gateways_that_never_carry_it() -> None:
    sgw = {"kind": "service", "services": {"a": ["134.70.0.0/16"]}}
    changes = {
        "gateways.s": sgw,
        'route_tables.pods.rules."::/0"': "natgw/nat",
        'route_tables.pods.rules."2001:DB8::/32"': "sgw/s",
    }
    note = "carries nothing: such a gateway never carries IPv6"
    assert findings(changes) == [
        f"route_tables.pods.rules.::/0: an IPv6 rule to natgw/nat {note}",
        f"route_tables.pods.rules.2001:DB8::/32: an IPv6 rule to sgw/s {note}",
    ]


def test_rules_inside_their_own_subnet() -> None:
    changes = {
        'route_tables.pods.rules."100.0.5.128/25"': "natgw/nat",
        'route_tables.pods.rules."100.0.3.0/24"': "natgw/nat",
    }
    assert findings(changes)[:1] == [
        'route_tables.pods.rules."100.0.5.128/25": never consulted for subnet pods: within a subnet nothing is routed'
    ]


def test_rules_inside_the_vcn_that_lead_out_of_it() -> None:
    """Between subnets OCI leads to a private IP, an LPG or a DRG (managingroutetables.htm)."""
    note = "is inside VCN oke, where OCI leads to a private IP, an LPG or a DRG only"
    assert findings({'route_tables.pods.rules."100.0.3.0/24"': "natgw/nat"}) == [
        f'route_tables.pods.rules."100.0.3.0/24": 100.0.3.0/24 {note}'
    ]
    assert findings({'route_tables.pods.rules."fd00:100:0:3::/64"': "igw/igw"}) == [
        f"route_tables.pods.rules.fd00:100:0:3::/64: fd00:100:0:3::/64 {note}"
    ]


def test_hosts_inside_a_vcn() -> None:
    changes = {"internet.web.ipv4": "100.0.200.1", "internet.web.ipv6": "2001:db8:100:ff::1"}
    note = "of VCN oke, whose local route wins over the Internet"
    assert findings(changes) == [
        f"internet.web.ipv4: 100.0.200.1 is in 100.0.0.0/16 {note}",
        f"internet.web.ipv6: 2001:db8:100:ff::1 is in 2001:db8:100::/56 {note}",
    ]


def test_services_that_select_no_pod() -> None:
    nobody = ["services.default/nginx: no pod of namespace default bears its selector's labels"]
    assert findings({"services.default/nginx.selector": {"app": "nginx", "tier": "x"}}) == nobody
    assert findings({"services.default/nginx.selector": {}}) == nobody
    assert findings({"services.default/nginx.selector": {"k8s-app": "kube-dns"}}) == nobody


def test_services_none_of_whose_pods_is_ready() -> None:
    pods = [name for name in built({}).pods if name.startswith("default/nginx-")]
    not_ready = {f"pods.{name}.ready": False for name in pods}
    assert findings(not_ready) == [f"services.default/nginx: none of its {len(pods)} pods is ready"]
    assert findings(dict(list(not_ready.items())[1:])) == []


def test_what_kube_proxy_is_told_in_the_article_which_has_none() -> None:
    own = "services.default/nginx"
    told = {"external_traffic_policy": "Local", "internal_traffic_policy": "Local", "session_affinity": "ClientIP"}
    noted = [f"{own}.{key}: no effect with profile: article, which has no kube-proxy" for key in told]
    said = {f"{own}.{key}": value for key, value in told.items()}
    assert findings(said) == noted
    refused = (
        f"{own}: service/default/nginx has sessionAffinity ClientIP, which the cloud controller refuses: leave out"
    )
    assert findings(said | {"profile": "as-built"}) == [f"{refused} {own}.session_affinity"]


def test_the_internet_gateway_for_pods_which_have_no_public_address() -> None:
    changes: dict[str, Any] = {'route_tables.pods.rules."0.0.0.0/0"': "igw/igw"}
    assert findings(changes) == [
        'route_tables.pods.rules."0.0.0.0/0": nothing in subnet pods has a public IPv4 address, '
        "without which igw/igw lets no IPv4 pass"
    ]
    public_node = {"ipv4": "100.0.5.9", "public_ipv4": "203.0.113.77"}
    assert findings(changes | {"nodes.node-4": public_node}) == []
