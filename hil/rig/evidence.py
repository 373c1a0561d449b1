"""The last frames that matter for a verdict: what the BMS was told, and what it said."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from hil.checks.check import FrameEvidence
from hil.errors import FrameError

if TYPE_CHECKING:
    from hil.bus.frame import Frame
    from hil.frames.database import Database, Message
    from hil.host.contract import Host
    from hil.host.stimulus import Stimulus
    from hil.rig.roles import Role

_LAST = 3  # frames of each message
_MANY = 10  # signals: more are flags, and most of them are not set


def frames_that_matter(
    host: Host, role: Role, stimulus: Stimulus | None
) -> tuple[FrameEvidence, ...]:
    """The frame that first carried the stimulus, and the last ones of both messages, in order."""
    database = host.database(role.bus)
    keys = {database.messages[role.message].key}
    first = stimulus.arrived[:1] if stimulus else []
    if stimulus:
        keys.update(carrier.key for carrier in stimulus.carriers if carrier.bus == role.bus)
    chosen: dict[int, Frame] = {frame.t_ns: frame for frame in first}
    for key in sorted(keys):
        chosen.update((frame.t_ns, frame) for frame in host.last_frames(role.bus, key, _LAST))
    return tuple(describe(chosen[t_ns], database) for t_ns in sorted(chosen))


def describe(frame: Frame, database: Database) -> FrameEvidence:
    """A frame with its name and decoded values."""
    message = database.by_key.get(frame.key)
    return FrameEvidence(
        t_ns=frame.t_ns,
        id=frame.id,
        name=message.name if message else "unknown",
        data=frame.data.hex(),
        decoded=_decode(message, frame.data) if message else "",
    )


def _decode(message: Message, data: bytes) -> str:
    """All signals but counter and checksum; of many flags only those that are set."""
    try:
        values = message.decode_dict(data)
    except FrameError as error:
        return str(error)
    told = [name for name in values if message.signals[name].e2e_role == "None"]
    if len(told) > _MANY:
        told = [name for name in told if values[name] or message.signals[name].length > 1]
    said = [f"{name} {_say(message, name, values[name])}" for name in told]
    if len(said) > _MANY:
        said = [*said[:_MANY], f"and {len(said) - _MANY} more"]
    return ", ".join(said) or "no flag set"


def _say(message: Message, name: str, value: float) -> str:
    signal = message.signals[name]
    if signal.is_absent(value):
        return "not available"
    raw = round((value - signal.offset) / signal.scale) if isfinite(value) else None
    if signal.choices and raw in signal.choices:
        return signal.choices[raw]
    return f"{value:.6g} {signal.unit}".rstrip()
