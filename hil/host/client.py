"""The host in real time, as tests see it: plant and buses run in a process of their own.

Signals, history and frames are kept here, out of the stream of frames; what acts on the plant, and its truth,
is asked of the plant process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hil.bus.frame import Frame
from hil.bus.link import OWN
from hil.errors import UsageError
from hil.faults.catalogue import recipe_of
from hil.faults.fault import Fault
from hil.frames.database import Database
from hil.host.connection import Connection
from hil.host.listener import Listener
from hil.host.protocol import Message
from hil.host.stimulus import Carrier, Stimulus
from hil.realtime.health import Health
from hil.responses.signals import Flaw, Sample, Values
from hil.rig.schema import RigConfig


class RemoteHost:
    """A fresh world of a plant process, for one test: a :class:`hil.host.contract.Host`.

    Args:
        rig: The rig file.
        connection: To the plant; it holds the lease.
        seed: Of all noise in this world.

    Attributes:
        health: How the rig was during the test; known once it is stopped.
        safe: How the way to the safe state went, in a sentence; known then, too.
    """

    def __init__(self, rig: RigConfig, connection: Connection, seed: int) -> None:
        self.health: Health | None = None
        self.safe = ""
        self._rig = rig
        self._connection = connection
        self._lost = connection.lost
        self._listeners = {
            name: Listener(bus.database, rig.bms.node) for name, bus in rig.buses.items()
        }
        self._by_number = list(self._listeners.values())
        for listener in self._by_number:  # compiled now, before a test has to be on time
            for reception in listener.signals.receptions.values():
                _ = reception.message.decode
        self._stimuli: dict[int, Stimulus] = {}
        self._faults: dict[int, int] = {}  # id of the object here -> number there
        connection.call("renew", seed=seed)
        connection.catch_up()
        connection.taps.append(self._hear)
        connection.on_stimulus = self._on_wire

    @property
    def now_ns(self) -> int:
        """The present instant on the plant's time line, as far as this test has come."""
        return self._connection.now_ns

    # -- what acts on the plant ---------------------------------------------------------------

    def power_on(self, *, cold: bool = True) -> None:
        """Switch the BMS on and start the restbus; waits until the BMS is ready."""
        self._connection.call("power_on", cold=cold)

    def set(self, port: str, value: float | str) -> Stimulus:
        """Write a set point of a twin."""
        return self._stimulus(self._act("set", port=port, value=value))

    def inject(self, fault: Fault, lasts_ns: int | None = None) -> Stimulus:
        """Break something of the catalogue, until it is mended or for a time."""
        name, arguments = recipe_of(fault)
        told = self._act("inject", fault=name, arguments=arguments, lasts_ns=lasts_ns)
        self._faults[id(fault)] = int(told["id"])
        return self._stimulus(told)

    def inject_all(self, faults: Sequence[Fault]) -> list[Stimulus]:
        """Break several things of the catalogue at one instant; if one cannot be broken, none is."""
        told = self._act("inject_all", faults=[recipe_of(fault) for fault in faults])["stimuli"]
        self._faults |= {id(fault): int(one["id"]) for fault, one in zip(faults, told, strict=True)}
        return [self._stimulus(one) for one in told]

    def clear(self, fault: Fault) -> None:
        """Mend it."""
        self._act("clear", number=self._faults.pop(id(fault)))

    def clear_all(self, faults: Sequence[Fault]) -> None:
        """Mend them at one instant, the last one first."""
        self._act("clear_all", numbers=[self._faults.pop(id(fault)) for fault in faults])

    def send(self, request: str, value: float) -> Stimulus:
        """Put a request to the BMS into the frame that carries it."""
        return self._stimulus(self._act("send", request=request, value=value))

    def _act(self, command: str, **arguments: Any) -> Message:
        """Do something at this test's instant; the plant notes how late it was by then."""
        return self._connection.call(command, at_ns=self.now_ns, **arguments)

    def read(self, port: str) -> float:
        """A twin port's present value: the truth."""
        return float(self._connection.call("read", port=port)["value"])

    def stop(self) -> None:
        """Go to the safe state and switch off."""
        connection = self._connection
        try:
            answer = connection.call("stop")
            connection.catch_up()  # so that the trace has all of it
        finally:
            connection.taps.remove(self._hear)
        self.safe = str(answer["safe"])
        lost = connection.lost - self._lost
        self.health = Health.from_dict({**answer["health"], "lost": lost})

    # -- what is on the bus -------------------------------------------------------------------

    def subscribe(
        self, bus: str, message: str, watcher: Callable[[Frame, Values], None]
    ) -> Callable[[], None]:
        """Hear every good frame of a message to come; returns the way to stop hearing."""
        self._connection.catch_up()
        return self._listeners[bus].subscribe(message, watcher)

    def precision_ns(self, bus: str) -> int:
        """How far a frame's timestamp may lie from its end on the wire, as far as its link knows."""
        return int(self._connection.about["buses"][bus]["precision_ns"])

    def database(self, bus: str) -> Database:
        """The layouts of a bus."""
        return self._listeners[bus].database

    def history(self, bus: str, message: str, since_ns: int) -> list[Sample]:
        """Good frames of a message after an instant, oldest first."""
        self._connection.catch_up()
        return self._listeners[bus].history(message, since_ns)

    def arrivals(self, message: str, since_ns: int) -> list[int]:
        """Bus timestamps of a message of the BMS after an instant, good frames and bad.

        Raises:
            UsageError: If the BMS sends no such message.
        """
        self._connection.catch_up()
        for listener in self._by_number:
            arrivals = listener.arrivals(message, since_ns)
            if arrivals is not None:
                return arrivals
        raise UsageError(f"the BMS sends no message {message!r}")

    def heard(self, bus: str, since_ns: int) -> list[Frame]:
        """All frames on a bus after an instant, of whomever, oldest first."""
        self._connection.catch_up()
        return self._listeners[bus].heard(since_ns)

    def rejected(self, bus: str, message: str, since_ns: int) -> Counter[Flaw]:
        """How many frames of a message of the BMS were rejected after an instant, and for what."""
        self._connection.catch_up()
        return self._listeners[bus].rejected(message, since_ns)

    def broken(self, bus: str, message: str, since_ns: int) -> list[tuple[int, str]]:
        """When after an instant, and why, long messages of a name did not get through, oldest first."""
        self._connection.catch_up()
        return self._listeners[bus].parcels.broken(message, since_ns, self.now_ns)

    def frames(self, bus: str, key: int, from_ns: int, to_ns: int) -> list[Frame]:
        """Good frames of one identifier within a time span."""
        self._connection.catch_up()
        return self._listeners[bus].frames_of(key, from_ns, to_ns)

    def last_frames(self, bus: str, key: int, count: int) -> list[Frame]:
        """The last good frames of one identifier, oldest first."""
        self._connection.catch_up()
        return self._listeners[bus].last_frames(key, count)

    def run_until(self, instant_ns: int, found: Sequence[object] = ()) -> bool:
        """Wait, to the instant on the plant's time line or until something lies in ``found``."""
        # that nothing came is only sure once nothing can come any more; who just lets time pass need not know
        connection = self._connection
        margin_ns = 0 if isinstance(found, tuple) else connection.margin_ns
        return connection.advance(max(instant_ns, self.now_ns), found, margin_ns=margin_ns)

    # -- the stream ---------------------------------------------------------------------------

    def _hear(self, bus: int, frame: Frame) -> None:
        listener = self._by_number[bus]
        listener.on_wire(frame)
        if frame.sender == OWN:
            listener.on_own_frame(frame)
        else:
            listener.signals.on_frame(frame)

    def _stimulus(self, told: Message) -> Stimulus:
        stimulus = Stimulus(
            told["name"],
            told["text"],
            int(told["applied_ns"]),
            tuple(Carrier(bus, key, _told_by_the_plant, *where) for bus, key, *where in told["carriers"]),
            told["value"],
            told["unit"],
            told["on_wire_ns"],
        )
        if stimulus.on_wire_ns is None:
            self._stimuli[int(told["id"])] = stimulus
        return stimulus

    def _on_wire(self, event: Message) -> None:
        stimulus = self._stimuli.pop(int(event["id"]), None)
        if stimulus is None:
            return
        identifier, extended, data = event["frame"]
        frame = Frame(identifier, bytes.fromhex(data), extended, OWN)
        frame.t_ns = stimulus.on_wire_ns = int(event["t_ns"])
        stimulus.arrived.append(frame)


def _told_by_the_plant(_frame: Frame) -> bool:
    """Which frame carries a stimulus is looked for there."""
    return False
