"""What must hold of virtual nodes, and what the author of a cluster of them should know.

docs.oracle.com ContEng/Tasks/contengcomparingvirtualwithmanagednodes_topic.htm (2024-10).
"""

from __future__ import annotations

from dsflow.model import annotated
from dsflow.model.cluster import Listener
from dsflow.model.controller import balancer_of
from dsflow.model.services import HEALTHZ, NODE_PORTS
from dsflow.model.topology import Profile, Topology
from dsflow.scenario.parsed import Parsed

__all__ = ["annotations_without_effect", "policies_without_effect", "ports_of_pods", "virtual_nodes"]

_WITH_VIRTUAL_NODES = (annotated.PRESERVE_SOURCE, annotated.RULE_MODE, *annotated.LIST_MODE.values())
_BY_GROUPS = "nsg"
_HEALTHZ = Listener("tcp", HEALTHZ)


def virtual_nodes(topology: Topology, parsed: Parsed) -> None:
    """They are no part of the article, all nodes are or none, and their pods have addresses of their own."""
    virtual = {name for name, node in topology.nodes.items() if node.virtual}
    managed = next((name for name in topology.nodes if name not in virtual), None)
    for name in (name for name in topology.nodes if name in virtual):
        path = ("nodes", name)
        if topology.profile is Profile.ARTICLE:
            found = "virtual with profile: article, which knows managed nodes only"
            parsed.report((*path, "kind"), found, "profile: as-built")
        if managed is not None:
            found = f"virtual beside nodes.{managed}, which is managed"
            parsed.report((*path, "kind"), found, "nodes of one kind: OKE has no mixed clusters")
        if topology.nodes[name].pod_vnics is not None:
            parsed.report((*path, "pod_vnics"), "pod_vnics of a virtual node", "none: each pod has a VNIC of its own")
    for name, pod in topology.pods.items():
        if pod.host_network and pod.node in virtual:
            found = f"true on {topology.nodes[pod.node].id}, which is virtual"
            parsed.report(("pods", name, "host_network"), found, "addresses of its own: virtual nodes lend none")


def policies_without_effect(topology: Topology, parsed: Parsed) -> None:
    """NetworkPolicies are not supported."""
    if topology.has_virtual_nodes:
        for name in topology.network_policies:
            told = "no effect: on virtual nodes nothing enforces NetworkPolicies, security rules at the pods' VNICs do"
            parsed.note(("network_policies", name), told)


def ports_of_pods(topology: Topology, parsed: Parsed) -> None:
    """Containers must leave the range of node ports alone, as kube-proxy serves those at the same address."""
    for name, pod in topology.pods.items():
        for listener in pod.listen if topology.has_virtual_nodes else ():
            if listener.port in NODE_PORTS:
                told = f"{listener} is among the node ports, 30000-32767, which pods on virtual nodes may not use"
                parsed.note(("pods", name, "listen"), told)
            elif listener == _HEALTHZ:
                parsed.note(("pods", name, "listen"), f"{listener} is the health check of the kube-proxy in that pod")


def annotations_without_effect(topology: Topology, parsed: Parsed) -> None:
    """Clients are never kept, and the controller manages no security lists."""
    if not topology.has_virtual_nodes:
        return
    for name, service in topology.services.items():
        if balancer_of(service, topology) is not None:
            for key in _WITH_VIRTUAL_NODES:
                if (service.annotation(key) or _BY_GROUPS).lower() != _BY_GROUPS:
                    parsed.note(("services", name, "annotations", key), "no effect in front of virtual nodes")
