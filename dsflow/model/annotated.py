"""The annotations by which a Service tells OKE's cloud controller what load balancer to build.

Names and values: oracle/oci-cloud-controller-manager, docs/load-balancer-annotations.md and
pkg/cloudprovider/providers/oci/load_balancer_spec.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dsflow.model.services import LoadBalancer, Service

__all__ = [
    "ALLOWED",
    "BACKEND_GROUPS",
    "BACKEND_POLICY",
    "EXTERNAL_IP_ONLY",
    "HEALTH_CHECK",
    "IDLE_TIMEOUT",
    "INTERNAL",
    "IP_MODE",
    "KNOWN",
    "LISTENER_PROTOCOL",
    "LIST_MODE",
    "LOOSE",
    "NUMBERS",
    "OF_ORACLE",
    "PRESERVE_SOURCE",
    "PROXY_PROTOCOL",
    "PROXY_PROTOCOL_OF_NETWORK",
    "RULE_MODE",
    "SUBNET",
    "TYPE",
    "Known",
    "backend_groups",
    "backend_policy",
    "health_check",
    "hides_private_address",
    "idle_timeout_s",
    "internal",
    "is_true",
    "listener_protocol",
    "load_balancer_type",
    "preserves_source",
    "proxy_protocol",
    "rule_mode",
    "shortens",
    "subnet",
    "wrong_value",
]

_BETA = "service.beta.kubernetes.io/oci-load-balancer-"
_OCI = "oci.oraclecloud.com/"
_NETWORK = "oci-network-load-balancer.oraclecloud.com/"

OF_ORACLE = (_BETA, _OCI, _NETWORK)
"""What the annotations that the controller reads begin with."""

TYPE = f"{_OCI}load-balancer-type"
PRESERVE_SOURCE = f"{_NETWORK}is-preserve-source"
IP_MODE = f"{_OCI}ingress-ip-mode"
EXTERNAL_IP_ONLY = f"{_NETWORK}external-ip-only"
RULE_MODE = f"{_OCI}security-rule-management-mode"
BACKEND_GROUPS = f"{_OCI}oci-backend-network-security-group"
PROXY_PROTOCOL = f"{_BETA}connection-proxy-protocol-version"
PROXY_PROTOCOL_OF_NETWORK = f"{_NETWORK}is-ppv2-enabled"
LISTENER_PROTOCOL = f"{_BETA}backend-protocol"
IDLE_TIMEOUT = f"{_BETA}connection-idle-timeout"
BACKEND_POLICY = {"flexible": f"{_OCI}loadbalancer-policy", "network": f"{_NETWORK}backend-policy"}
INTERNAL = {"flexible": f"{_BETA}internal", "network": f"{_NETWORK}internal"}
SUBNET = {"flexible": f"{_BETA}subnet1", "network": f"{_NETWORK}subnet"}
LIST_MODE = {
    "flexible": f"{_BETA}security-list-management-mode",
    "network": f"{_NETWORK}security-list-management-mode",
}
HEALTH_CHECK = {"flexible": f"{_BETA}health-check-", "network": f"{_NETWORK}health-check-"}

_FLEXIBLE, _NETWORK_ONLY, _EITHER = ("flexible",), ("network",), ("flexible", "network")


class Known(NamedTuple):
    """An annotation that the controller reads: for which kinds, and whether dsflow does something with it."""

    kinds: tuple[str, ...]
    modelled: bool = False


KNOWN: dict[str, Known] = {
    TYPE: Known(_EITHER, modelled=True),
    IP_MODE: Known(_EITHER, modelled=True),
    RULE_MODE: Known(_EITHER, modelled=True),
    **{key: Known((kind,), modelled=True) for kind, key in BACKEND_POLICY.items()},
    **{key: Known((kind,), modelled=True) for kind, key in INTERNAL.items()},
    **{key: Known((kind,), modelled=True) for kind, key in SUBNET.items()},
    **{key: Known((kind,), modelled=True) for kind, key in LIST_MODE.items()},
    **{
        f"{key}{what}": Known((kind,), modelled=True)
        for kind, key in HEALTH_CHECK.items()
        for what in ("interval", "timeout", "retries")
    },
    PROXY_PROTOCOL: Known(_FLEXIBLE, modelled=True),
    LISTENER_PROTOCOL: Known(_FLEXIBLE, modelled=True),
    IDLE_TIMEOUT: Known(_FLEXIBLE, modelled=True),
    PRESERVE_SOURCE: Known(_NETWORK_ONLY, modelled=True),
    EXTERNAL_IP_ONLY: Known(_NETWORK_ONLY, modelled=True),
    PROXY_PROTOCOL_OF_NETWORK: Known(_NETWORK_ONLY, modelled=True),
    **{
        f"{_BETA}{name}": Known(_FLEXIBLE)
        for name in (
            "shape", "shape-flex-min", "shape-flex-max", "subnet2", "ssl-ports", "tls-secret", "tls-backendset-secret",
        )
    },
    **{
        f"{_OCI}{name}": Known(_FLEXIBLE)
        for name in (
            "oci-network-security-groups", "initial-defined-tags-override", "initial-freeform-tags-override",
            "node-label-selector", "oci-load-balancer-listener-ssl-config", "oci-load-balancer-backendset-ssl-config",
            "oci-load-balancer-rule-sets",
        )
    },
    BACKEND_GROUPS: Known(_EITHER, modelled=True),
    **{
        f"{_NETWORK}{name}": Known(_NETWORK_ONLY)
        for name in (
            "oci-network-security-groups", "initial-defined-tags-override", "initial-freeform-tags-override",
            "defined-tags", "freeform-tags", "node-label-selector", "assigned-private-ipv4", "assigned-ipv6",
        )
    },
}  # fmt: skip
"""Every annotation that the controller reads."""

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_BOOLEAN = (*_TRUE, *_FALSE)  # Go's strconv.ParseBool

ALLOWED: dict[str, tuple[str, ...]] = {
    PRESERVE_SOURCE: _BOOLEAN,
    EXTERNAL_IP_ONLY: _BOOLEAN,
    PROXY_PROTOCOL_OF_NETWORK: _BOOLEAN,
    **dict.fromkeys(INTERNAL.values(), _BOOLEAN),
    LIST_MODE["network"]: ("All", "Frontend", "None"),
    BACKEND_POLICY["flexible"]: ("ROUND_ROBIN", "LEAST_CONNECTIONS", "IP_HASH"),
    BACKEND_POLICY["network"]: ("FIVE_TUPLE", "THREE_TUPLE", "TWO_TUPLE"),
    PROXY_PROTOCOL: ("1", "2"),
}
"""The values without which the controller builds nothing."""

LOOSE: dict[str, tuple[str, ...]] = {
    TYPE: ("lb", "nlb"),
    IP_MODE: ("vip", "proxy"),
    RULE_MODE: ("sl-all", "sl-frontend", "nsg", "none"),
    LISTENER_PROTOCOL: ("http", "tcp", "grpc"),
}
"""The same, where upper and lower case are one."""

NUMBERS: dict[str, range] = {
    IDLE_TIMEOUT: range(1, 7201),
    **{
        f"{key}interval": range(10_000 if kind == "network" else 1_000, 1_800_001) for kind, key in HEALTH_CHECK.items()
    },
    **{f"{key}timeout": range(1, 600_001) for key in HEALTH_CHECK.values()},
    **{f"{key}retries": range(1, 101) for key in HEALTH_CHECK.values()},
}
"""Whole numbers, and between what; of time-outs and retries the controller asks only that they are numbers."""


def wrong_value(key: str, value: str) -> str | None:
    """What was expected instead of a value that the controller refuses; None for one that it takes.

    >>> wrong_value("oci-network-load-balancer.oraclecloud.com/backend-policy", "ROUND_ROBIN")
    'FIVE_TUPLE, THREE_TUPLE or TWO_TUPLE'
    """
    if key in NUMBERS:
        limits = NUMBERS[key]
        right = value.isascii() and value.isdigit() and int(value) in limits
        return None if right else f"a number of {limits.start}-{limits.stop - 1}"
    if key in LOOSE:
        return None if value.lower() in LOOSE[key] else _either(LOOSE[key])
    if key in ALLOWED and value not in ALLOWED[key]:
        return "true or false" if ALLOWED[key] is _BOOLEAN else _either(ALLOWED[key])
    return None


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}"


def is_true(service: Service, key: str, default: bool = False) -> bool:
    """Whether an annotation says yes."""
    value = service.annotation(key)
    return default if value is None else value in _TRUE


def load_balancer_type(service: Service) -> str | None:
    """The kind that is asked for, in the words of ``load_balancers``; None where none is."""
    value = service.annotation(TYPE)
    return None if value is None else {"nlb": "network"}.get(value.lower(), "flexible")


def preserves_source(service: Service) -> bool:
    """Whether a network load balancer keeps the client's address: under the policy Local, unless told otherwise."""
    return service.external_policy == "Local" and is_true(service, PRESERVE_SOURCE, default=True)


def internal(service: Service, balancer: LoadBalancer) -> bool:
    """Whether the load balancer is to have no public address."""
    return is_true(service, INTERNAL[balancer.kind])


def subnet(service: Service, balancer: LoadBalancer) -> str | None:
    """The subnet that is asked for."""
    return service.annotation(SUBNET[balancer.kind])


def backend_groups(service: Service) -> tuple[str, ...]:
    """The groups of the back ends that the controller adds rules to, in the mode NSG."""
    given = service.annotation(BACKEND_GROUPS) or ""
    return tuple(name.strip() for name in given.split(",") if name.strip())


def backend_policy(service: Service, balancer: LoadBalancer) -> str:
    """How a back end is chosen."""
    default = "FIVE_TUPLE" if balancer.is_network else "ROUND_ROBIN"
    return service.annotation(BACKEND_POLICY[balancer.kind]) or default


def rule_mode(service: Service, balancer: LoadBalancer) -> str:
    """Which security rules the controller writes: All, Frontend, NSG or None."""
    mode = service.annotation(RULE_MODE)
    if mode is not None:
        return {"sl-all": "All", "sl-frontend": "Frontend", "nsg": "NSG"}.get(mode.lower(), "None")
    given = service.annotation(LIST_MODE[balancer.kind])
    if balancer.is_network:
        return given or "None"
    return given if given in ("Frontend", "None") else "All"


def shortens(service: Service) -> bool:
    """Whether kube-proxy takes what a node sends to the load balancer's address by itself (ipMode VIP)."""
    return (service.annotation(IP_MODE) or "VIP").lower() != "proxy"


def hides_private_address(service: Service) -> bool:
    """Whether the status of a network load balancer lists its public address alone."""
    return is_true(service, EXTERNAL_IP_ONLY)


def listener_protocol(service: Service) -> str:
    """What a flexible load balancer's listeners understand: TCP, HTTP or GRPC."""
    return (service.annotation(LISTENER_PROTOCOL) or "TCP").upper()


def proxy_protocol(service: Service, balancer: LoadBalancer) -> str | None:
    """The version of the proxy protocol that tells a back end of the client."""
    if balancer.is_network:
        return "2" if is_true(service, PROXY_PROTOCOL_OF_NETWORK) else None
    return service.annotation(PROXY_PROTOCOL)


def idle_timeout_s(service: Service, balancer: LoadBalancer, protocol: str) -> int:
    """How long a connection may be silent: defaults of NetworkLoadBalancer/introduction.htm (2026-09) and
    Balance/Reference/connectionreuse.htm (2026-09).
    """
    if balancer.is_network:
        return 360 if protocol == "tcp" else 120
    given = service.annotation(IDLE_TIMEOUT)
    if given is not None and wrong_value(IDLE_TIMEOUT, given) is None:
        return int(given)
    return 60 if listener_protocol(service) in ("HTTP", "GRPC") else 300


def health_check(service: Service, balancer: LoadBalancer) -> tuple[int, int, int]:
    """Interval and time-out in milliseconds, and retries (load_balancer_spec.go, getHealthChecker)."""
    defaults = {"interval": 10_000, "timeout": 3_000, "retries": 3}
    found = []
    for what, default in defaults.items():
        key = f"{HEALTH_CHECK[balancer.kind]}{what}"
        given = service.annotation(key)
        right = given is not None and wrong_value(key, given) is None
        found.append(int(given) if given is not None and right else default)
    interval, timeout, retries = found
    return interval, timeout, retries
