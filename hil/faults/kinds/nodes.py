"""Faults of nodes on a bus."""

from __future__ import annotations

from hil.faults.fault import Fault, Maker
from hil.faults.node import SilentNode, WrongState


def node_silent(node: str) -> Fault:
    """A node of the rig file says nothing any more."""
    return SilentNode(node)


def node_state(node: str, state: str) -> Fault:
    """A node of the rig file is in a state whatever the others do."""
    return WrongState(node, state)


NAMED: dict[str, Maker] = {
    "node.silent": node_silent,
    "node.state": node_state,
}
