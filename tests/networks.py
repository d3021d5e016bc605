"""Generated networks of generic devices, as scenario data: routers, hosts, wires and segments in both families.

One generator serves hypothesis (:func:`tests.strategies.networks` hands it a drawn ``Random``), the laws over
seeded networks and the lab, so whatever it makes can be set up on a Linux kernel.  It is always a valid scenario,
and most of its hosts reach each other; what is between them is as odd as real networks are.
"""

from __future__ import annotations

from random import Random

from tests.network_features import FEATURES, features
from tests.network_plan import Data, planned
from tests.network_routes import add_odd_routes, add_routes
from tests.network_rules import add_filters, add_translation

__all__ = ["FEATURES", "features", "random_network"]


def random_network(random: Random) -> Data:
    """A network of 2-4 routers and 2-5 hosts on at most 8 wires and segments.

    >>> data = random_network(Random(1))
    >>> data == random_network(Random(1))
    True
    """
    plan = planned(random)
    add_translation(plan)
    add_filters(plan)
    add_routes(plan)
    add_odd_routes(plan)
    return {
        "apiVersion": "dsflow/v1",
        "name": "random-network",
        "links": {wire.name: {} for wire in plan.wires},
        "devices": plan.devices,
    }
