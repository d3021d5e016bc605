"""Public IPv4 addresses, each exchanged one to one for a private one where an Internet gateway is crossed.

docs.oracle.com Network/Tasks/managingIGs.htm (2026-09) asks for a public address on the private one; that the gateway
is where they are exchanged is inferred.  Else it is at the VNICs: here that is the fabric's side of the gateway.
"""

from __future__ import annotations

from typing import NamedTuple

from dsflow.dataplane.action import Drop, Rule
from dsflow.dataplane.common import single
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import Index
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.dataplane.tables import StaticNat
from dsflow.model.vcn import InternetGateway, Vcn
from dsflow.net.address import Address, Family, Prefix

__all__ = ["Exchange", "exchange", "exchanges_at_vnics", "public_addresses"]

_WHERE = "igw-rewrites-at-edge"


class Exchange(NamedTuple):
    """The tables on the way in and out, and what the ledger says of a visit to where they stand."""

    inbound: StaticNat
    outbound: StaticNat
    capability: NatCapability


def exchanges_at_vnics(index: Index) -> bool:
    """Whether the VCN's side of an Internet gateway has seen the public addresses already."""
    return index.topology.assumes(_WHERE) == "at-vnic"


def public_addresses(vcn: Vcn, index: Index) -> list[Prefix]:
    """The public addresses in a VCN."""
    return [single(Address(Family.IPV4, public)) for public in index.public_ipv4.get(vcn.name, {})]


def exchange(gateway: InternetGateway, interface: str, index: Index) -> Exchange:
    """The exchange for packets that cross ``interface`` of a device, on their way through a gateway."""
    known = index.public_ipv4.get(gateway.vcn, {})
    inbound = {public: private for public, (private, _) in known.items()}
    rules = {public: _one_to_one(source) for public, (_, source) in known.items()}
    kind = NatKind.PUBLIC_IP_ONE_TO_ONE
    return Exchange(
        StaticNat(kind=kind, hook="prerouting", interface=interface, exchange=inbound, rules=rules),
        StaticNat(
            kind=kind,
            hook="postrouting",
            interface=interface,
            exchange={private: public for public, private in inbound.items()},
            rules={private: rules[public] for public, private in inbound.items()},
            miss=_no_public_address(gateway, index),
        ),
        NatCapability(
            kind=kind,
            idle=Rule(reason="no address of this packet was exchanged here"),
            families=(4,),
            cannot=Rule(reason="an Internet gateway passes IPv6 unchanged"),
        ),
    )


def _one_to_one(source: str) -> Rule:
    return Rule(reason="the public IPv4 and the private one stand for each other", source=source, assumption=_WHERE)


def _no_public_address(gateway: InternetGateway, index: Index) -> Drop:
    nat = index.nat_gateway(gateway.vcn)
    rule = Rule(
        id=gateway.id,
        reason="{src} has no public IPv4, and without one nothing crosses an Internet gateway",
        source=gateway.source,
        mend="in the sender's route table, lead 0.0.0.0/0 to " + (nat.id if nat else "a NAT gateway, yet to be added"),
    )
    return Drop(rule, Disposition.NO_PUBLIC_ADDRESS)
