"""Devices and links as a networkx graph: a view for drawing and analysis, never the routing decision itself.

The one door to networkx.
"""

from __future__ import annotations

from typing import Any

import networkx as nx

from dsflow.dataplane.action import Neighbor
from dsflow.dataplane.compile import Dataplane, neighbors
from dsflow.dataplane.device import Device
from dsflow.net.address import Family
from dsflow.net.packet import address_text

__all__ = ["build_graph"]


def build_graph(dataplane: Dataplane) -> nx.MultiDiGraph[str]:
    """The directed multigraph of a dataplane, in its order.

    A node is a device id with ``kind``, ``addresses`` (texts) and ``source`` (the place in the scenario).
    An edge is one way over a link, keyed by the interface it leaves by: ``in_interface``, ``link`` (its id),
    ``mtu_bytes``, ``delays`` (entries of the latency profile) and ``availability_domain``.  A subnet's
    interface leads to many devices, so a key is unique between two devices only.  Links that leave the
    model are no edges.

    >>> from dsflow.scenario import build, read
    >>> from dsflow.dataplane.compile import compile_topology
    >>> graph = build_graph(compile_topology(build(read("two-pods"))))
    >>> graph.nodes["pod/default/client"]["kind"]
    'pod'
    >>> list(graph["pod/default/client"])
    ['node/node-1']
    """
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for device in dataplane.values():
        graph.add_node(device.id, **_node_attributes(device))
    for device in dataplane.values():
        for neighbor in neighbors(device):
            if neighbor.device is not None:
                graph.add_edge(device.id, neighbor.device, key=neighbor.out_interface, **_edge_attributes(neighbor))
    return graph


def _node_attributes(device: Device) -> dict[str, Any]:
    addresses = tuple(
        address_text(Family(family), value)
        for interface in device.interfaces.values()
        for family, values in interface.addresses.items()
        for value in values
    )
    return {"kind": device.kind, "addresses": addresses, "source": device.source}


def _edge_attributes(neighbor: Neighbor) -> dict[str, Any]:
    link = neighbor.link
    return {
        "in_interface": neighbor.in_interface,
        "link": link.id,
        "mtu_bytes": link.mtu_bytes,
        "delays": tuple(delay.entry for delay in link.delays),
        "availability_domain": link.availability_domain,
    }
