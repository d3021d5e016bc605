"""The transparent network load balancer: it hands packets on as they are, to one of several appliances.

Source: docs.oracle.com NetworkLoadBalancer/preserve-source-id.htm and introduction.htm (2026-09).  It is a next hop:
a route rule leads to its private address what is sent to others.  The appliances' VNICs must not check source and
destination.  Which one takes a flow, a hash says; with symmetric hashing the flow's answers come to the same, and
without it perhaps to another, which knows nothing of the connection.  Appliances count as healthy.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane.action import Action, Delay, Drop, Forward, Neighbor, Rule, Spread
from dsflow.dataplane.common import origin_mtu, own_addresses, routes
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import DeviceVnic, Index
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.dataplane.network_balancer import KEPT, LOWERED, USED_UP, nobody
from dsflow.dataplane.tables import Lower, RouteLookup
from dsflow.dataplane.vcn_routes import checked_there
from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.model.services import LoadBalancer
from dsflow.net.address import Family
from dsflow.net.hashing import stable_hash

__all__ = ["compile_transparent_balancer"]

_AS_IT_IS = Rule(reason="a transparent load balancer changes no address and no port")
_CAPABILITIES = tuple(
    NatCapability(kind=kind, idle=_AS_IT_IS) for kind in (NatKind.LOAD_BALANCER_DNAT, NatKind.LOAD_BALANCER_SNAT)
)


def compile_transparent_balancer(balancer: LoadBalancer, index: Index) -> Device:
    """A next hop in front of appliances."""
    vcn = index.vcn_of(balancer.subnet)
    both = (balancer.ipv4, balancer.ipv6)
    own = own_addresses(both)
    way = Neighbor("eth0", vcn.id, balancer.id, index.front_vnic(balancer).link)
    rule = Rule(reason=f"the load balancer sends into {vcn.id} from subnet/{balancer.subnet}")
    lowers = index.topology.assumes("nlb-keeps-ttl") == "lowers"
    on = [_on(balancer, family, index, lowers=lowers) for family in Family]
    return Device(
        id=balancer.id,
        kind="lb",
        interfaces={
            "eth0": Interface(name="eth0", addresses={int(found.family): (found.value,) for found in both if found})
        },
        receive=(RouteLookup(tables={None: routes(own, *on)}, spreads=True),),
        deliver=(nobody(balancer, ""),),
        forward=(USED_UP, Lower(lowered=LOWERED, kept=KEPT)),
        send=(RouteLookup(tables={None: routes(own, Forward(rule, way, lowers=lowers))}),),
        leave=(origin_mtu,),
        capabilities=_CAPABILITIES,
        toll=Toll(forwarded=(Delay("lb_l4"),), forwarded_new=(Delay("lb_l4"),), machine=balancer.id),
        source=balancer.source,
    )


def _on(balancer: LoadBalancer, family: Family, index: Index, *, lowers: bool) -> Action:
    """What becomes of packets of a family: they go to one of the appliances that have an address of it."""
    vnics = list(_vnics(balancer, family, index))
    if not vnics:
        reason = f"none of the appliances behind {balancer.id} has an {family.title} address"
        mend = f"give them {family.title} addresses"
        return Drop(Rule(reason=reason, source=balancer.source, mend=mend), Disposition.NO_BACKEND)
    among = "its only appliance" if len(vnics) == 1 else f"one of its {len(vnics)} appliances, each as likely"
    same = ", and the answers to the same" if balancer.symmetric_hash and len(vnics) > 1 else ""
    rule = Rule(id=balancer.id, reason=f"{balancer.id} hands the packet to {among}{same}", source=balancer.source)
    ways = tuple(_to_vnic(rule, device, vnic, lowers=lowers) for device, vnic in vnics)
    return Spread(rule, ways, stable_hash(balancer.id), balancer.symmetric_hash)


def _vnics(balancer: LoadBalancer, family: Family, index: Index) -> Iterator[DeviceVnic]:
    """The appliances with their first VNICs in the VCN, where those have an address of the family."""
    found: set[str] = set()
    for device, vnic in index.device_vnics(index.vcn_of(balancer.subnet).name):
        first = device.id not in found
        found.add(device.id)
        if first and device.id in balancer.appliances and any(one.address.family is family for one in vnic.addresses):
            yield device, vnic


def _to_vnic(rule: Rule, device: GenericDevice, vnic: DeviceInterface, *, lowers: bool) -> Forward | Drop:
    if vnic.source_destination_check:
        return checked_there(rule, device, vnic)
    reached = Index.device_vnic(device, vnic)
    return Forward(rule, Neighbor("eth0", reached.device, reached.in_interface, reached.link), lowers=lowers)
