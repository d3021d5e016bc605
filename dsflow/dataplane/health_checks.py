"""Whether health checks get through to nodes: where a security rule refuses them, the node is no back end.

docs.oracle.com ContEng/Concepts/contengnetworkconfig.htm (2025) asks for rules that let them in; what they find on the
node is in :mod:`dsflow.dataplane.kube_proxy_health`.  They are asked as TCP connections from the load balancer's own
address of the back end's family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsflow.dataplane.kube_proxy_health import HEALTHZ, answers_in
from dsflow.model.services import Refusal
from dsflow.net.build import first_packet, reply_to

if TYPE_CHECKING:
    from dsflow.dataplane.action import Drop
    from dsflow.dataplane.index import Index
    from dsflow.model.cluster import Node
    from dsflow.model.services import LoadBalancer, Service
    from dsflow.net.address import Family

__all__ = ["checked", "why_refused"]


def checked(service: Service, balancer: LoadBalancer, nodes: list[Node], family: Family, index: Index) -> list[Node]:
    """Those of the nodes to which the health checks get through, and their answers back."""
    if not answers_in(family, index.topology):
        return []
    if index.security is None:
        return nodes
    return [node for node in nodes if _refusal(service, balancer, node, family, index) is None]


def why_refused(
    service: Service, balancer: LoadBalancer, nodes: list[Node], family: Family, index: Index
) -> Refusal | None:
    """What refuses the health check of the first of the nodes, where anything does."""
    if nodes and not answers_in(family, index.topology):
        return Refusal("no node passes the health check: kube-proxy answers it in IPv4 only", "ask in IPv4")
    drop = _refusal(service, balancer, nodes[0], family, index) if nodes and index.security is not None else None
    if drop is None:
        return None
    port = _port(service, index)
    src, dst = balancer.address(family), nodes[0].address(family)
    words = {"asked": f"tcp port {port}", "src": src, "dst": dst}
    reason = f"no node passes the health check on port {port}: at {nodes[0].id} {drop.rule.reason.format(**words)}"
    mend = "" if drop.rule.mend is None else drop.rule.mend.format(**words)
    return Refusal(reason, mend)


def _port(service: Service, index: Index) -> int:
    return index.service_ends.health_check_ports.get(service.id, HEALTHZ)


def _refusal(service: Service, balancer: LoadBalancer, node: Node, family: Family, index: Index) -> Drop | None:
    """What refuses the question at the load balancer's VNIC or the node's, or an answer that is not tracked."""
    src, dst = balancer.address(family), node.address(family)
    security = index.security
    if security is None or src is None or dst is None:
        return None
    question = first_packet(family, "tcp", src.value, dst.value, dport=_port(service, index))
    answer = reply_to(question)
    assert answer is not None, "a SYN is answered"
    ways = ((balancer.id, "egress", "ingress"), (node.id, "ingress", "egress"))
    for device, there, back in ways:
        verdict = security.judged(device, "eth0", there, question)
        if verdict.refusal is not None:
            return verdict.refusal
        if not verdict.tracked:
            lost = security.judged(device, "eth0", back, answer).refusal
            if lost is not None:
                return lost
    return None
