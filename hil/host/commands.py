"""What a client may ask of a plant: each command is a method, its arguments and its answer are plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hil.bus.frame import Frame
from hil.errors import UsageError
from hil.faults.catalogue import make_fault
from hil.faults.fault import Fault
from hil.host.protocol import Message
from hil.host.real import RealWorld, SafeState
from hil.host.stimulus import Stimulus

# what only the holder of the lease may do
ACTS = frozenset(("renew", "power_on", "set", "inject", "clear", "inject_all", "clear_all", "send", "stop"))
LOOKS = frozenset(("read", "health", "status"))
_HEADLINES = ("pack.voltage", "pack.current", "pack.soc", "pack.temperature", "link.voltage")


class Commands:
    """The commands of one plant.

    Args:
        world: What they act on.

    Attributes:
        is_safe: Whether nothing was done since the plant was last in its safe state.
    """

    def __init__(self, world: RealWorld) -> None:
        self.is_safe = True
        self._world = world
        self._faults: dict[int, Fault] = {}
        self._stimuli: dict[int, Stimulus] = {}
        self._ids = 0

    def carry_out(self, name: str, arguments: Message) -> Message:
        """Do what a client asks; time may pass.

        Raises:
            HilError: What the command itself raises.
            KeyError, TypeError, ValueError: If its arguments are wrong.
        """
        if name in ACTS:
            self.is_safe = False
        at_ns = arguments.pop("at_ns", None)
        if at_ns is not None:
            self._world.vitals.acted(int(at_ns), name)
        answer: Message = getattr(self, name)(**arguments)
        return answer

    def go_safe(self) -> SafeState:
        """To the safe state, in which what was broken is mended; time passes."""
        self._forget()
        safe = self._world.go_safe()
        self.is_safe = True
        return safe

    def _forget(self) -> None:
        self._faults.clear()
        self._stimuli.clear()

    def carried(self, bus: str, frame: Frame) -> Iterator[Message]:
        """What a frame on the bus was the first to carry, as messages; called after the world has seen it."""
        if not self._stimuli:
            return
        for number, stimulus in list(self._stimuli.items()):
            if stimulus.on_wire_ns is None:
                continue
            del self._stimuli[number]
            shown = [frame.id, frame.extended, frame.data.hex()]
            yield {"event": "on_wire", "id": number, "t_ns": stimulus.on_wire_ns, "bus": bus, "frame": shown}

    def renew(self, seed: int) -> Message:
        """A new world for a test."""
        self._forget()
        self._world.renew(int(seed))
        return {}

    def power_on(self, cold: bool) -> Message:
        """Switch the BMS on, and wait until it is ready."""
        self._world.power_on(cold=cold)
        return {}

    def set(self, port: str, value: float | str) -> Message:
        """Write a set point of a twin."""
        return self._told(self._world.set(port, value))

    def inject(self, fault: str, arguments: dict[str, Any], lasts_ns: int | None = None) -> Message:
        """Break something of the catalogue, until it is mended or for a time."""
        made = make_fault(fault, arguments)
        told = self._told(self._world.inject(made, lasts_ns))
        self._faults[told["id"]] = made
        return told

    def inject_all(self, faults: list[tuple[str, dict[str, Any]]]) -> Message:
        """Break several things of the catalogue at one instant."""
        made = [make_fault(fault, arguments) for fault, arguments in faults]
        told = [self._told(stimulus) for stimulus in self._world.inject_all(made)]
        self._faults |= {one["id"]: fault for one, fault in zip(told, made, strict=True)}
        return {"stimuli": told}

    def clear(self, number: int) -> Message:
        """Mend it, unless the safe state has."""
        return self.clear_all([number])

    def clear_all(self, numbers: list[int]) -> Message:
        """Mend them at one instant, but those that the safe state has."""
        faults = [self._faults.pop(number) for number in numbers if number in self._faults]
        self._world.clear_all(faults)
        return {}

    def send(self, request: str, value: float) -> Message:
        """Put a request to the BMS into its frame."""
        if request not in self._world.rig.asked:
            raise UsageError(f"the rig file has no request {request!r}")
        return self._told(self._world.send(request, float(value)))

    def read(self, port: str) -> Message:
        """The truth."""
        return {"value": self._world.read(port)}

    def health(self) -> Message:
        """How the rig itself does."""
        return {"health": self._world.vitals.health().as_dict()}

    def status(self) -> Message:
        """What somebody who looks on wants to see."""
        world = self._world
        ports = [name for name in _HEADLINES if name in world.plant.ports]
        return {
            **world.summary(),
            "values": {name: [world.read(name), world.port(name).unit] for name in ports},
            "safe": self.is_safe,
            "health": world.vitals.health().as_dict(),
        }

    def stop(self) -> Message:
        """To the safe state and off; how the test was is measured before that."""
        health = self._world.vitals.health()
        safe = self.go_safe()
        if self._world.can_switch:
            self._world.switch_off()
        return {"health": health.as_dict(), "safe": str(safe)}

    def _told(self, stimulus: Stimulus) -> Message:
        """A stimulus for the client, which is told later when it was on the wire."""
        self._ids += 1
        if stimulus.on_wire_ns is None:
            self._stimuli[self._ids] = stimulus
        return {
            "id": self._ids,
            "name": stimulus.name,
            "text": stimulus.text,
            "applied_ns": stimulus.applied_ns,
            "value": stimulus.value,
            "unit": stimulus.unit,
            "on_wire_ns": stimulus.on_wire_ns,
            "carriers": [[c.bus, c.key, c.message, c.signal] for c in stimulus.carriers],
        }
