"""Why a question makes no packet: an address is missing, or nobody wrote what it is."""

from __future__ import annotations

from dsflow.dataplane.action import Drop, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.ends.end import End
from dsflow.model.services import Service
from dsflow.net.address import Family

__all__ = ["SERVICE_UNKNOWN", "lacks"]

SERVICE_UNKNOWN = Drop(
    Rule(
        reason="the article does not say how a Service is reached inside the cluster",
        mend="set profile: as-built, which does what kube-proxy does",
    ),
    Disposition.UNDETERMINED,
)


def lacks(end: End, asker: End, family: Family, refused: str | None) -> Drop:
    """What to say of an end that has no address of a family; ``refused`` is why it got no load balancer."""
    if end.service is not None and asker.is_in_cluster:
        return _no_cluster_ip(end.service, family)
    if end.service is not None and family not in end.service.families:
        return _not_served(end.service, family)
    holder = end.id
    if end.service is not None:
        holder = end.service.load_balancer or f"{end.id} a load balancer with"
    rule = Rule(
        reason=f"{end.id} has no {family.title} address" + (f": {refused}" if refused else ""),
        mend=f"give {holder} an {family.title} address",
    )
    return Drop(rule, Disposition.FAMILY_UNAVAILABLE)


def _no_cluster_ip(service: Service, family: Family) -> Drop:
    """A ClusterIP of a family that the Service serves is there, be it written or not."""
    if family not in service.families:
        return _not_served(service, family)
    key = f"cluster_ipv{family.value}"
    rule = Rule(reason=f"nobody wrote the {family.title} ClusterIP of {service.id}", mend=f"write it as its {key}")
    return Drop(rule, Disposition.UNDETERMINED)


def _not_served(service: Service, family: Family) -> Drop:
    other = " and ".join(served.title for served in service.families)
    single = "is SingleStack and " if service.ip_family_policy == "SingleStack" else ""
    mend = f"serve {family.title} too: ip_family_policy: PreferDualStack"
    rule = Rule(reason=f"{service.id} {single}serves {other} only", mend=mend)
    return Drop(rule, Disposition.FAMILY_UNAVAILABLE)
