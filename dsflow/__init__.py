"""dsflow: a packet-level traffic-flow simulator for dual-stack Kubernetes on Oracle Cloud (OKE).

>>> import dsflow
>>> sim = dsflow.load("two-pods")
>>> sim.trace("pod/default/client", "pod/default/server", family=6, tcp=80).disposition.value
'delivered'
"""

from __future__ import annotations

from dsflow.version import __version__

TYPE_CHECKING = False  # type checkers take the name for true; importing typing would slow ``dsflow --help``
if TYPE_CHECKING:
    from typing import Any

    from dsflow.query.diff import diff
    from dsflow.query.twin import twin
    from dsflow.simulation import Simulation, load

__all__ = ["Simulation", "__version__", "diff", "load", "twin"]

_HOMES = {
    "load": "dsflow.simulation",
    "Simulation": "dsflow.simulation",
    "diff": "dsflow.query.diff",
    "twin": "dsflow.query.twin",
}


def __getattr__(name: str) -> Any:
    """Load the public names on first use, so that ``dsflow --help`` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dsflow' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return __all__
