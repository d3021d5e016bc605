"""Two peered VCNs, a hub with an on-premises network behind a DRG and a spoke with a cluster: for tests only.

Subnets' own tables lead to the other VCN and to the office.  Nothing transits the hub until its gateways have tables:
``TRANSIT`` gives them some, ``INSPECTED`` some that lead through the hub's firewall.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import dsflow
from dsflow import Simulation

__all__ = ["INSPECTED", "OWN_TABLES", "PEERED", "TRANSIT", "peered"]

PEERED: dict[str, Any] = {
    "apiVersion": "dsflow/v1",
    "name": "peered",
    "vcns": {
        "hub": {"ipv4": ["10.0.0.0/16"], "ipv6": [{"prefix": "2001:db8:a00::/56", "origin": "oracle-gua"}]},
        "spoke": {"ipv4": ["10.1.0.0/16"], "ipv6": [{"prefix": "fd00:b::/48", "origin": "ula"}]},
    },
    "gateways": {
        "to-spoke": {"kind": "lpg", "vcn": "hub", "peer": "to-hub"},
        "to-hub": {"kind": "lpg", "vcn": "spoke", "peer": "to-spoke"},
        "igw": {"kind": "internet", "vcn": "hub"},
        "nat": {"kind": "nat", "vcn": "hub", "public_ipv4": "203.0.113.10"},
        "office": {
            "kind": "drg",
            "vcn": "hub",
            "link": "wan",
            "addresses": ["10.255.0.1/30", "fd00:ff::1/64"],
            "routes": {"192.168.0.0/16": "10.255.0.2", "fd00:99::/48": "fd00:ff::2"},
        },
    },
    "route_tables": {
        "hub": {
            "vcn": "hub",
            "rules": {
                "10.1.0.0/16": "lpg/to-spoke",
                "fd00:b::/48": "lpg/to-spoke",
                "192.168.0.0/16": "drg/office",
                "fd00:99::/48": "drg/office",
                "0.0.0.0/0": "natgw/nat",
                "::/0": "igw/igw",
            },
        },
        "spoke": {"vcn": "spoke", "rules": {"0.0.0.0/0": "lpg/to-hub", "::/0": "lpg/to-hub"}},
    },
    "subnets": {
        "nodes": {"vcn": "spoke", "ipv4": "10.1.3.0/24", "ipv6": ["fd00:b:0:3::/64"], "route_table": "spoke"},
        "pods": {"vcn": "spoke", "ipv4": "10.1.4.0/24", "ipv6": ["fd00:b:0:4::/64"], "route_table": "spoke"},
        "data": {"vcn": "hub", "ipv4": "10.0.8.0/24", "ipv6": ["2001:db8:a00:8::/64"], "route_table": "hub"},
        "firewall": {
            "vcn": "hub",
            "ipv4": "10.0.9.0/24",
            "ipv6": ["2001:db8:a00:9::/64"],
            "access": "public",
            "route_table": "hub",
        },
    },
    "nodes": {
        "node-1": {"ipv4": "10.1.3.11", "ipv6": "fd00:b:0:3::11", "listen": ["tcp/22"]},
        "hub-node": {"subnet": "data", "ipv4": "10.0.8.11", "ipv6": "2001:db8:a00:8::11", "listen": ["tcp/22"]},
    },
    "pods": {
        "default/shop": {"node": "node-1", "ipv4": "10.1.4.21", "ipv6": "fd00:b:0:4::21", "listen": ["tcp/8080"]},
        "default/tool": {
            "node": "hub-node",
            "ipv4": "10.0.8.21",
            "ipv6": "2001:db8:a00:8::21",
            "listen": ["tcp/8080"],
        },
    },
    "internet": {"web": {"ipv4": "198.51.100.80", "ipv6": "2001:db8:fff::80", "listen": ["tcp/443"]}},
    "links": {"wan": {}, "lan": {}},
    "devices": {
        "database": {
            "interfaces": {"vnic": {"link": "subnet/data", "addresses": ["10.0.8.5/24", "2001:db8:a00:8::5/64"]}},
            "routes": [{"to": "0.0.0.0/0", "via": "10.0.8.1"}, {"to": "::/0", "via": "2001:db8:a00:8::1"}],
            "listen": ["tcp/5432"],
        },
        "firewall": {
            "forwarding": True,
            "interfaces": {
                "vnic": {
                    "link": "subnet/firewall",
                    "addresses": ["10.0.9.10/24", "2001:db8:a00:9::10/64"],
                    "source_destination_check": False,
                }
            },
            "routes": [{"to": "0.0.0.0/0", "via": "10.0.9.1"}, {"to": "::/0", "via": "2001:db8:a00:9::1"}],
        },
        "edge": {
            "forwarding": True,
            "interfaces": {
                "wan": {"link": "wan", "addresses": ["10.255.0.2/30", "fd00:ff::2/64"]},
                "lan": {"link": "lan", "addresses": ["192.168.1.1/24", "fd00:99:0:1::1/64"]},
            },
            "routes": [{"to": "10.0.0.0/8", "via": "10.255.0.1"}, {"to": "::/0", "via": "fd00:ff::1"}],
        },
        "files": {
            "interfaces": {"e0": {"link": "lan", "addresses": ["192.168.1.10/24", "fd00:99:0:1::10/64"]}},
            "routes": [{"to": "0.0.0.0/0", "via": "192.168.1.1"}, {"to": "::/0", "via": "fd00:99:0:1::1"}],
            "listen": ["tcp/445"],
        },
    },
}

TRANSIT: dict[str, Any] = {
    "route_tables.from-office": {
        "vcn": "hub",
        "rules": {"10.1.0.0/16": "lpg/to-spoke", "fd00:b::/48": "lpg/to-spoke"},
    },
    "route_tables.from-spoke": {
        "vcn": "hub",
        "rules": {"192.168.0.0/16": "drg/office", "fd00:99::/48": "drg/office"},
    },
    "gateways.office.route_table": "from-office",
    "gateways.to-spoke.route_table": "from-spoke",
}
"""Tables on the hub's DRG and LPG that lead from one to the other."""

_FIREWALL = {"ipv4": "private-ip/10.0.9.10", "ipv6": "private-ip/2001:db8:a00:9::10"}

INSPECTED: dict[str, Any] = {
    "route_tables.from-office": {
        "vcn": "hub",
        "rules": {"10.1.0.0/16": _FIREWALL["ipv4"], "fd00:b::/48": _FIREWALL["ipv6"]},
    },
    "route_tables.from-spoke": {"vcn": "hub", "rules": {"0.0.0.0/0": _FIREWALL["ipv4"], "::/0": _FIREWALL["ipv6"]}},
    "gateways.office.route_table": "from-office",
    "gateways.to-spoke.route_table": "from-spoke",
}
"""Tables on the hub's DRG and LPG that lead through its firewall."""


OWN_TABLES: dict[str, Any] = {
    "devices.firewall.interfaces.vnic.link": "subnet/data",
    "devices.firewall.interfaces.vnic.addresses": ["10.0.8.99/24", "2001:db8:a00:8::99/64"],
    "devices.firewall.interfaces.vnic.route_table": "hub",
    "devices.firewall.routes": PEERED["devices"]["database"]["routes"],
    "subnets.data.route_table": "inspected",
    "route_tables.inspected": {
        "vcn": "hub",
        "rules": {"0.0.0.0/0": "private-ip/10.0.8.99", "::/0": "private-ip/2001:db8:a00:8::99"},
    },
    "route_tables.none": {"vcn": "hub"},
    "pods.default/tool.route_table": "hub",
    "nodes.hub-node.route_table": "none",
}
"""In one subnet of the hub: a firewall that the subnet's table leads to, with a table of its own for what it sends on;
a pod whose addresses have that table too; and a node whose primary VNIC has a table without rules."""


@cache
def peered() -> Simulation:
    """The scenario without transit."""
    return dsflow.load(PEERED)
