"""A scenario of any size, as YAML text: ``python benchmarks/generate.py --nodes 1000 --pods 100 > big.yaml``.

Names and addresses follow from the two numbers alone.  A cluster of n nodes has one subnet for them, one
for the load balancer, and as many pod subnets as it needs, each with a /17 and a /64; a node's pods share
one of them.  Everything that is dual-stack has a global IPv6 address, so that every path type works in
both families.  Names count from 0: ``node-0000``, ``pod/team-000/web-0000-000``.  With ``--services`` the
profile is as-built, and the teams have so many Services among them, by turns of type ClusterIP and NodePort.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

PODS_PER_SUBNET = 32_000  # of a /17's 32,768 addresses
NODES_PER_TEAM = 10  # whose pods share a namespace
FIRST_HOST = 16  # OCI reserves the first two addresses of a subnet
MOST_NODES = 4_000  # of a /20's 4,096 addresses
MOST_POD_SUBNETS = 250  # of a /56's 256 subnets
MOST_SERVICES = 2_000  # every second one takes a node port of 2,768

_HEADER = """\
apiVersion: dsflow/v1
name: {name}
description: {nodes} nodes with {pods} pods each.
profile: {profile}

vcns:
  big:
    ipv4: [{cidrs}]
    ipv6: [{{prefix: "2001:db8:1::/56", origin: oracle-gua}}]

gateways:
  igw: {{kind: internet}}
  nat: {{kind: nat, public_ipv4: 203.0.113.10}}

route_tables:
  cluster: {{rules: {{"0.0.0.0/0": natgw/nat, "::/0": igw/igw}}}}
  front: {{rules: {{"0.0.0.0/0": igw/igw, "::/0": igw/igw}}}}

load_balancers:
  web: {{ipv4: 10.0.16.16, public_ipv4: 203.0.113.20, ipv6: "2001:db8:1:1::10"}}

internet:
  web: {{ipv4: 198.51.100.80, ipv6: "2001:db8:ffff::80", listen: [tcp/443], distance_km: 600}}
  client: {{ipv4: 198.51.100.7, ipv6: "2001:db8:ffff::7", distance_km: 20, access: fixed}}

subnets:
  nodes: {{ipv4: 10.0.0.0/20, ipv6: ["2001:db8:1::/64"], access: public, route_table: cluster}}
  front: {{ipv4: 10.0.16.0/24, ipv6: ["2001:db8:1:1::/64"], access: public, route_table: front}}
"""

_FRONT = """\

services:
  team-000/web: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}], load_balancer: lb/web}
"""


def node_name(node: int) -> str:
    """The name of a node by its number."""
    return f"node-{node:04}"


def pod_name(node: int, pod: int) -> str:
    """``NAMESPACE/NAME`` of a node's pod."""
    return f"team-{node // NODES_PER_TEAM:03}/web-{node:04}-{pod:03}"


def scenario_lines(nodes: int, pods: int, services: int = 0) -> Iterator[str]:
    """The lines of a scenario of ``nodes`` nodes with ``pods`` pods each, and so many Services.

    Raises
    ------
    ValueError
        For more than the address plan holds.
    """
    if not 1 <= nodes <= MOST_NODES or not 1 <= pods <= PODS_PER_SUBNET:
        raise ValueError(f"{nodes} nodes with {pods} pods: expected 1-{MOST_NODES} and 1-{PODS_PER_SUBNET}")
    nodes_per_subnet = PODS_PER_SUBNET // pods
    subnets = -(-nodes // nodes_per_subnet)
    if subnets > MOST_POD_SUBNETS:
        raise ValueError(f"{nodes * pods} pods: expected at most {MOST_POD_SUBNETS} subnets of {PODS_PER_SUBNET}")
    if not 0 <= services <= MOST_SERVICES:
        raise ValueError(f"{services} Services: expected 0-{MOST_SERVICES}")
    profile = "as-built" if services else "article"
    cidrs = ", ".join(f"10.{second}.0.0/16" for second in range(1 + -(-subnets // 2)))
    yield _HEADER.format(name=f"cluster-{nodes}x{pods}", nodes=nodes, pods=pods, cidrs=cidrs, profile=profile)
    yield from (_pod_subnet(subnet) for subnet in range(subnets))
    yield _FRONT
    yield from (_service(service, -(-nodes // NODES_PER_TEAM)) for service in range(services))
    yield "\nnodes:\n"
    yield from (_node(node) for node in range(nodes))
    yield "\npods:\n"
    for node in range(nodes):
        subnet, place = divmod(node, nodes_per_subnet)
        yield from (_pod(node, pod, subnet, FIRST_HOST + place * pods + pod) for pod in range(pods))


def _pod_subnet(subnet: int) -> str:
    ipv4, ipv6 = f"{_dotted(_pods_base(subnet))}/17", f"2001:db8:1:{subnet + 2:x}::/64"
    return f'  pods-{subnet}: {{ipv4: {ipv4}, ipv6: ["{ipv6}"], access: public, route_table: cluster}}\n'


def _service(service: int, teams: int) -> str:
    kind = ("ClusterIP", "NodePort")[service % 2]
    addresses = (
        f'cluster_ipv4: {_dotted((172 << 24) + (16 << 16) + 1 + service)}, cluster_ipv6: "fd00:eeee::{1 + service:x}"'
    )
    what = f"type: {kind}, selector: {{app: web}}, ports: [{{port: 80}}], {addresses}"
    return f"  team-{service % teams:03}/service-{service:04}: {{{what}}}\n"


def _node(node: int) -> str:
    host = FIRST_HOST + node
    return f'  {node_name(node)}: {{ipv4: {_dotted((10 << 24) + host)}, ipv6: "2001:db8:1::{host:x}"}}\n'


def _pod(node: int, pod: int, subnet: int, host: int) -> str:
    ipv4, ipv6 = _dotted(_pods_base(subnet) + host), f"2001:db8:1:{subnet + 2:x}::{host:x}"
    place = f'node: {node_name(node)}, ipv4: {ipv4}, ipv6: "{ipv6}"'
    return f"  {pod_name(node, pod)}: {{{place}, labels: {{app: web}}, listen: [tcp/80]}}\n"


def _pods_base(subnet: int) -> int:
    """The first IPv4 address of a pod subnet: 10.1.0.0, 10.1.128.0, 10.2.0.0 and so on."""
    return (10 << 24) + (1 << 16) + (subnet << 15)


def _dotted(value: int) -> str:
    return ".".join(str(byte) for byte in value.to_bytes(4, "big"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the scenario to standard output."""
    parser = argparse.ArgumentParser(description="a scenario of any size, as YAML text")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=100, help="on each node")
    parser.add_argument("--services", type=int, default=0, help="in all, with profile: as-built")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.writelines(scenario_lines(options.nodes, options.pods, options.services))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
