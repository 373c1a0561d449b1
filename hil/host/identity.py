"""Whether two processes mean the same rig."""

from __future__ import annotations

import hashlib

from hil.rig.schema import RigConfig


def identity_of(rig: RigConfig) -> str:
    """A hash of all that a client and a plant must agree on: buses and messages, wires, roles."""
    buses = [
        (bus.name, bus.interface, bus.channel, bus.bitrate, sorted(bus.database.sha256.items()))
        for bus in rig.buses.values()
    ]
    parts = (
        rig.name,
        buses,
        rig.plant,
        rig.bms.kind,
        rig.bms.node,
        rig.nodes,
        rig.wires,
        rig.constants,
        sorted(rig.requests.items()),
        sorted(rig.roles.items()),
        sorted(rig.safe_state.requests.items()),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()
