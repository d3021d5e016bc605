"""The embedded scenarios and the ends that most examples are about."""

from __future__ import annotations

from functools import cache
from typing import Any

import dsflow
from dsflow import Simulation
from dsflow.net.packet import Header, Packet
from dsflow.net.quote import quoted
from dsflow.trace.hop import Hop
from dsflow.trace.trace import Trace

POD = "pod/default/nginx-568f7cfd68-g4h2c"  # node-1
MATE = "pod/default/nginx-568f7cfd68-pvgct"  # node-1 too
REMOTE = "pod/default/nginx-568f7cfd68-vprr8"  # node-2
DNS = "pod/kube-system/coredns-bfd957d6b-slxml"  # node-2, udp/53
LOCAL_DNS = "pod/kube-system/coredns-bfd957d6b-ddr79"  # node-1
HOST_POD = "pod/kube-system/kube-proxy-pb427"  # node-1
REMOTE_HOST_POD = "pod/kube-system/kube-proxy-5cwj5"  # node-2
WEB, CLIENT = "internet/web", "internet/client"
SERVICE, BALANCER = "service/default/nginx", "lb/nginx"
NAT_ADDRESS, BALANCER_ADDRESS = "203.0.113.10", "203.0.113.20"

PUBLIC_NODE: dict[str, Any] = {
    "nodes.node-1.public_ipv4": "203.0.113.77",
    'route_tables.nodes.rules."0.0.0.0/0"': "igw/igw",
    "nodes.node-1.listen": ["tcp/22"],
}
"""Node-1 with a public address, and its subnet's IPv4 through the Internet gateway."""

AS_BUILT: dict[str, Any] = {
    "apiVersion": "dsflow/v1",
    "name": "as-built",
    "base": "oke-sydney-gua",
    "profile": "as-built",
    "services": {
        "default/nginx": {
            "cluster_ipv4": "10.96.120.10",
            "cluster_ipv6": "fd00:eeee:eeee:1::a:10",
            "ports": [{"port": 80, "target_port": 80, "protocol": "tcp", "name": "http", "node_port": 31080}],
        }
    },
}
"""The article's cluster with kube-proxy and nothing that keeps anybody from anything."""

SERVICE_GATEWAY: dict[str, Any] = {
    "gateways.sgw": {"kind": "service", "services": {"all": ["134.70.0.0/16"]}},
    "route_tables.pods.rules.all": "sgw/sgw",
    "internet.objects": {"ipv4": "134.70.0.10", "ipv6": "2001:db8:abcd::1", "listen": ["tcp/443", "udp/443"]},
}
"""A service gateway for the pods, and an Oracle service behind it."""


@cache
def sydney() -> Simulation:
    """The article's cluster: nodes and pods in ULA."""
    return dsflow.load("oke-sydney")


@cache
def gua() -> Simulation:
    """The same with global addresses."""
    return dsflow.load("oke-sydney-gua")


@cache
def office() -> Simulation:
    """A cluster with a firewall appliance and an on-premises network behind a DRG."""
    return dsflow.load("onprem-firewall")


def by_family(family: int) -> Simulation:
    """The cluster in which everything is delivered in this family."""
    return sydney() if family == 4 else gua()


def way(trace: Trace) -> list[str]:
    """The devices of a trace."""
    return [hop.device for hop in trace.hops]


def kinds(trace: Trace) -> list[str]:
    """The kinds of the devices of a trace."""
    return [hop.kind for hop in trace.hops]


def arrived(hop: Hop) -> Header:
    """The header that came in, where one did."""
    assert hop.header_in is not None
    return hop.header_in


def left(hop: Hop) -> Header:
    """The header that went out, where one did."""
    assert hop.header_out is not None
    return hop.header_out


def quote_in(trace: Trace) -> Packet:
    """The packet that an error trace's last arrival quotes."""
    found = quoted(Packet.parse(trace.hops[-1].packets_in[0]))
    assert found is not None
    return found
