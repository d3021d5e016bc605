"""One end of a question: the device where packets start or stop, and its addresses."""

from __future__ import annotations

from dataclasses import dataclass

from dsflow.model.cluster import Listener, Node
from dsflow.model.internet import InternetHost
from dsflow.model.services import LoadBalancer, Service
from dsflow.net.address import Address, Family

__all__ = ["End", "balancer_end", "internet_end", "node_end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end: the device where its packets start or stop, and its addresses.

    ``device`` is None for an address that no device has and for a Service, which is no hop.
    ``inside`` and ``outside`` are the addresses that peers in the VCN and on the Internet use; ``beside`` those of
    a Service's load balancer, for generic devices: only nodes and their pods know ClusterIPs.
    ``listen`` are its ports in the order written, ``node`` the machine a pod runs on, ``vcn`` the
    VCN that the end is in.
    """

    id: str
    kind: str
    device: str | None = None
    node: str | None = None
    vcn: str | None = None
    inside: tuple[Address | None, Address | None] = (None, None)
    outside: tuple[Address | None, Address | None] = (None, None)
    beside: tuple[Address | None, Address | None] = (None, None)
    listen: tuple[Listener, ...] = ()
    service: Service | None = None

    def address(self, family: Family, *, from_outside: bool) -> Address | None:
        """The address of one family that a peer uses."""
        return _of(family, self.outside if from_outside else self.inside)

    @property
    def is_in_cluster(self) -> bool:
        """Whether it is neither a host on the Internet nor a generic device."""
        return self.kind not in ("internet", "device")

    def address_for(self, asker: End, family: Family) -> Address | None:
        """The address of one family by which it is asked."""
        if self.service is not None and asker.kind == "device":
            return _of(family, self.beside)
        return self.address(family, from_outside=asker.kind == "internet")


def _of(family: Family, pair: tuple[Address | None, Address | None]) -> Address | None:
    return pair[0] if family is Family.IPV4 else pair[1]


def node_end(node: Node, vcn: str | None, host_ports: tuple[Listener, ...]) -> End:
    """A node, with the ports of its host-network pods."""
    return End(
        id=node.id,
        kind="node",
        device=node.id,
        node=node.name,
        vcn=vcn,
        inside=(node.ipv4, node.ipv6),
        outside=(node.public_ipv4 or node.ipv4, node.ipv6),
        listen=node.listen + host_ports,
    )


def internet_end(host: InternetHost) -> End:
    """A host on the Internet."""
    pair = host.ipv4, host.ipv6
    return End(id=host.id, kind="internet", device=host.id, inside=pair, outside=pair, listen=host.listen)


def balancer_end(balancer: LoadBalancer, vcn: str | None, ports: tuple[Listener, ...]) -> End:
    """A load balancer, with the ports of its Services."""
    return End(
        id=balancer.id,
        kind="lb",
        device=balancer.id,
        vcn=vcn,
        inside=(balancer.ipv4, balancer.ipv6),
        outside=(balancer.public_ipv4 or balancer.ipv4, balancer.ipv6),
        listen=ports,
    )
