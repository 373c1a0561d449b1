"""Whether two processes mean the same rig."""

from __future__ import annotations

import hashlib

from hil.frames.database import Message
from hil.rig.schema import RigConfig


def identity_of(rig: RigConfig) -> str:
    """A hash of all that a client and a plant must agree on: buses and messages, wires, roles.

    It is the same in every process: sets, whose order is not, are sorted.
    """
    buses = [
        (
            (bus.name, bus.interface, bus.channel, bus.bitrate, bus.data_bitrate, bus.receives_all),
            sorted(bus.database.sha256.items()),
            [_sending(message) for message in bus.database.messages.values()],
        )
        for bus in rig.buses.values()
    ]
    parts = (
        rig.name,
        buses,
        rig.plant,
        rig.bms.kind,
        rig.bms.node,
        [[sorted(v) if isinstance(v, frozenset) else v for v in vars(node).values()] for node in rig.nodes],
        rig.wires,
        rig.computed,
        rig.constants,
        sorted(rig.requests.items()),
        sorted(rig.parts.items()),
        sorted(rig.manners.items()),
        sorted(rig.roles.items()),
        sorted(rig.safe_state.requests.items()),
        rig.safe_state.outputs,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _sending(message: Message) -> tuple[object, ...]:
    """What a rig file may say of a message in place of its DBC file."""
    return (
        message.name,
        message.key,
        message.cycle_ns,
        message.offset_ns,
        message.on_change,
        message.all_groups,
        message.by_kernel,
    )
