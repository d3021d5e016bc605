"""Security lists and network security groups (NSGs): what a VNIC lets in and out.

docs.oracle.com Network/Concepts/securityrules.htm (2026-09): rules only allow; what applies to a VNIC is the union of
its subnet's lists and its own groups, and what none of them allows is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsflow.net.address import Prefix
from dsflow.net.ranges import PortRange

__all__ = ["NSG", "ManagedRules", "NetworkSecurityGroup", "SecurityList", "SecurityRule", "SecurityRules"]

NSG = "nsg/"
"""What a rule's other end begins with that names a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityRule:
    """One rule that allows: the other end, a protocol, and its ports or ICMP type and code; None means any.

    ``peer`` is the source of an ingress rule and the destination of an egress rule: a prefix, ``nsg/NAME`` for the
    VNICs of a group, or the label of an Oracle service.  What a ``stateless`` rule lets through is not tracked, so
    that its answer needs a rule of its own.
    """

    peer: Prefix | str
    protocol: str = "all"
    sport: PortRange | None = None
    dport: PortRange | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    stateless: bool = False
    source: str = ""

    @property
    def group(self) -> str | None:
        """The name of the group whose VNICs are the other end, where it is one."""
        return self.peer.removeprefix(NSG) if isinstance(self.peer, str) and self.peer.startswith(NSG) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RuleSet:
    name: str
    vcn: str
    ingress: tuple[SecurityRule, ...] = ()
    egress: tuple[SecurityRule, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityList(_RuleSet):
    """Rules for every VNIC of the subnets that name the list."""

    @property
    def id(self) -> str:
        """``security-list/NAME``."""
        return f"security-list/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSecurityGroup(_RuleSet):
    """Rules for the VNICs that are in the group."""

    @property
    def id(self) -> str:
        """``nsg/NAME``."""
        return f"{NSG}{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedRules(_RuleSet):
    """What OKE's cloud controller adds: to the security lists of a subnet, to a group, or in one of a load balancer.

    It goes by the name of the subnet, or by the id of the group or load balancer.
    """

    @property
    def id(self) -> str:
        """``cloud-controller/SUBNET``, ``cloud-controller/nsg/NAME`` or ``cloud-controller/lb/NAME``."""
        return f"cloud-controller/{self.name}"


SecurityRules = SecurityList | NetworkSecurityGroup | ManagedRules
