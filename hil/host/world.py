"""A world: plant, buses, restbus and BMS of one test, on one clock of either kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from simpy.events import Event

from hil.bms.contract import Bms
from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.bus.node import FrameHandler, QueueFullError
from hil.clock import NS_PER_MS, Alarm, VirtualClock
from hil.errors import BmsError, FrameError, HilError, NotOfferedError, UnitError, UsageError
from hil.faults.fault import Fault
from hil.faults.frame import MissingFrame
from hil.faults.node import SilentNode
from hil.faults.packet import PacketFault
from hil.faults.twin import TwinFault
from hil.faults.way import DelayedFrames
from hil.frames.database import Database, Message
from hil.frames.restbus import Entry, Restbus
from hil.host.asked import Asked
from hil.host.asking import ask, ask_for_safety
from hil.host.computing import compute
from hil.host.crowd import WINDOW_NS, Crowd, crowd_of
from hil.host.station import Station
from hil.host.stimulus import Carrier, Stimulus
from hil.host.undeterred import Undeterred
from hil.nodes.kinds import NodeSpec, Surroundings, build_node
from hil.nodes.machine import Machine
from hil.responses.signals import Flaw, Sample, Values
from hil.responses.trace import TraceWriter
from hil.rig.mistakes import suggest
from hil.rig.schema import RigConfig
from hil.units import number_in
from twins.plant import Plant
from twins.port import Port

_TRACE_NS = 100 * NS_PER_MS  # the trace takes what came since
_SAFE_NS = 120 * NS_PER_MS  # two cycles of a request: the BMS has it, and opens


class World:
    """Plant, buses, restbus and BMS of one test: a :class:`hil.host.contract.Host`.

    Args:
        rig: The rig file.
        clock: The one time line.
        media: The wires of its buses, by name.
        bms: The BMS under test; it is put on all buses.
        trace: Where every frame goes, if anywhere.
        seed: Of all noise in this world.

    Attributes:
        restbus: The kind of restbus on its buses.
        nodes: The devices on them that follow a protocol, by name.
        ports: Those of twins and nodes, by name.
    """

    restbus: type[Restbus] = Restbus

    def __init__(
        self,
        rig: RigConfig,
        clock: VirtualClock,
        media: Mapping[str, Medium],
        bms: Bms,
        trace: TraceWriter | None,
        seed: int,
    ) -> None:
        self.rig = rig
        self.clock = clock
        self.bms = bms
        self.plant = Plant(clock, rig.plant)
        self.plant.reset(seed)
        self.nodes = {spec.name: self._node(spec, media[spec.bus]) for spec in rig.nodes}
        self.ports = self.plant.ports | {p.name: p for node in self.nodes.values() for p in node.ports}
        self.stations: dict[str, Station] = {}
        self._pending: list[Stimulus] = []  # not yet on the wire
        self._watch: dict[str, FrameHandler] = {}  # what looks out for them, by bus
        self._faults: list[Fault] = []
        self._begun_ns: dict[int, int] = {}  # when they were injected, by the id of the fault
        for channel, (name, medium) in enumerate(media.items()):
            self.stations[name] = Station(rig, name, medium, clock, self.ports, self.restbus)
            self._share_addresses(name)
            if trace is not None:
                medium.taps.append(trace.tap(channel))
            self._watch[name] = self._watch_for_pending(name)
            self.stations[name].listener.on_whole.append(self._watch[name])
            bms.attach(medium)
        if self.plant.supply is not None:
            self.plant.supply.feed(bms.supply)
        for spec in rig.nodes:  # tests may follow what a node says
            self.nodes[spec.name].speaker.node.on_sent = self.stations[spec.bus].listener.on_own_frame
        self._evaluations = compute(rig.computed, self.stations, self.ports)
        self._asked = Asked(rig, self.entry, lambda: self.now_ns)
        if trace is not None:
            self._keep_tracing(trace)

    @property
    def now_ns(self) -> int:
        """The present instant."""
        return self.clock.now_ns

    def power_on(self, *, cold: bool = True) -> None:
        """Start the restbus and switch the BMS on."""
        self.start_restbus()
        self.switch_on(cold=cold)

    def start_restbus(self) -> None:
        """Begin to send what the BMS hears; nothing of it is older than what a test has set before."""
        self.plant.measure()
        for station in self.stations.values():
            station.restbus.start(self.now_ns)
        self.start_nodes()

    def switch_on(self, *, cold: bool) -> None:
        """Switch the BMS on, if it has a supply."""
        self.bms.power_on(cold=cold)
        if self.plant.supply is not None and not self.plant.supply.bms_on:
            self.bms.supply(False)

    def set(self, port: str, value: float | str) -> Stimulus:
        """Write a set point of a twin.

        Raises:
            UsageError: If there is no such port, it is no set point, or is in another kind of unit.
        """
        target = self.port(port)
        try:
            number = number_in(value, target.unit)
            target.write(number)
        except UnitError as error:
            raise UsageError(f"{port}: {error.reason}", remedy=error.remedy) from error
        except ValueError as error:
            raise UsageError(str(error)) from error
        carriers = self.carriers_of_port(port, target.value)
        return self._stimulate(
            Stimulus(port, f"{port} = {number:.6g} {target.unit}", self.now_ns, carriers, number)
        )

    def inject(self, fault: Fault, lasts_ns: int | None = None) -> Stimulus:
        """Break something, until it is mended or for a time."""
        self._about_to(fault)
        carriers = fault.apply(self)
        self._faults.append(fault)
        self._begun_ns[id(fault)] = self.now_ns
        if lasts_ns is not None:
            self.clock.set_alarm(Alarm(self.clock, lambda _: self.clear(fault)), self.now_ns + lasts_ns)
        stimulus = Stimulus(
            fault.name, fault.text, self.now_ns, carriers, fault.value, fault.unit
        )
        if isinstance(fault, MissingFrame | PacketFault | SilentNode):
            silenced = fault.silences(self)
            stimulus.on_wire_ns = self._last_of(silenced) if silenced else None
        return self._stimulate(stimulus)

    def _about_to(self, fault: Fault) -> None:
        """A fault is about to be injected."""

    def inject_all(self, faults: Sequence[Fault]) -> list[Stimulus]:
        """Break several things at one instant; if one cannot be broken, none is."""
        stimuli: list[Stimulus] = []
        try:
            for fault in faults:
                stimuli.append(self.inject(fault))  # noqa: PERF401 - as many as there are by then are mended
        except HilError:
            self.clear_all(faults[: len(stimuli)])
            raise
        return stimuli

    def _last_of(self, messages: Iterable[str]) -> int | None:
        """When the last of these messages was on the wire, if one was."""
        last = (self.last_frame(message) for message in messages)
        return max((frame.t_ns for frame in last if frame is not None), default=None)

    def clear(self, fault: Fault) -> None:
        """Mend it, unless it is over; where something else still breaks the same place, that shows again.

        What has broken the place after it has been in force all the while, and is left as it is.
        """
        if fault not in self._faults:
            return
        place = self._faults.index(fault)
        is_newest = all(other.target != fault.target for other in self._faults[place + 1 :])
        del self._faults[place]
        if isinstance(fault, DelayedFrames):
            fault.forget_late()  # whatever is in the message's way from now on
        if is_newest:
            self._give_back(fault)
        del self._begun_ns[id(fault)]

    def _give_back(self, fault: Fault) -> None:
        """The place of a fault that is over is that of the one before it, or sound."""
        others = [other for other in self._faults if other.target == fault.target]
        if not others:
            fault.clear(self)
        elif isinstance(others[-1], TwinFault):
            others[-1].resume(self, self.now_ns - self._begun_ns[id(others[-1])])
        else:
            others[-1].apply(self)

    def clear_all(self, faults: Sequence[Fault]) -> None:
        """Mend them at one instant, the last one first."""
        for fault in reversed(faults):
            self.clear(fault)

    def send(self, request: str, value: float) -> Stimulus:
        """Put a request into the frame that carries it."""
        role = self.rig.asked[request]
        self._asked.ask(request, value)
        entry = self.entry(role.message)
        carriers = () if entry.idle else (self._carrier(role.bus, role.message, role.signal, value),)
        text = f"{request} = {role.name_of(value)}"
        return self._stimulate(Stimulus(request, text, self.now_ns, carriers, value))

    def ask(self, request: str, value: float) -> Stimulus:
        """Ask something of the BMS, step by step where the rig file has steps; time may pass."""
        return ask(self.rig, self, request, value, to_the_end=True)[0]

    def subscribe(
        self, bus: str, message: str, watcher: Callable[[Frame, Values], None]
    ) -> Callable[[], None]:
        """Hear every good frame of a message; returns the way to stop hearing."""
        return self.stations[bus].listener.subscribe(message, watcher)

    def precision_ns(self, bus: str) -> int:  # noqa: ARG002 - all of them
        """In virtual time stamps are exact."""
        return 0

    def database(self, bus: str) -> Database:
        """The layouts of a bus."""
        return self.stations[bus].database

    def history(self, bus: str, message: str, since_ns: int) -> list[Sample]:
        """Good frames of a message after an instant, oldest first."""
        return self.stations[bus].listener.history(message, since_ns)

    def arrivals(self, message: str, since_ns: int) -> list[int]:
        """Bus timestamps of a message of the BMS after an instant, good frames and bad.

        Raises:
            UsageError: If the BMS sends no such message.
        """
        for station in self.stations.values():
            arrivals = station.listener.arrivals(message, since_ns)
            if arrivals is not None:
                return arrivals
        raise UsageError(f"the BMS sends no message {message!r}")

    def heard(self, bus: str, since_ns: int) -> list[Frame]:
        """All frames on a bus after an instant, of whomever, oldest first."""
        return self.stations[bus].listener.heard(since_ns)

    def rejected(self, bus: str, message: str, since_ns: int) -> Counter[Flaw]:
        """How many frames of a message of the BMS were rejected after an instant, and for what."""
        return self.stations[bus].listener.rejected(message, since_ns)

    def broken(self, bus: str, message: str, since_ns: int) -> list[tuple[int, str]]:
        """When after an instant, and why, long messages of a name did not get through."""
        return self.stations[bus].listener.parcels.broken(message, since_ns, self.now_ns)

    def frames(self, bus: str, key: int, from_ns: int, to_ns: int) -> list[Frame]:
        """Good frames of one identifier within a time span."""
        return self.stations[bus].listener.frames_of(key, from_ns, to_ns)

    def last_frames(self, bus: str, key: int, count: int) -> list[Frame]:
        """The last good frames of one identifier, oldest first."""
        return self.stations[bus].listener.last_frames(key, count)

    def read(self, port: str) -> float:
        """A twin port's present value: the truth.

        Raises:
            UsageError: If there is no such port.
        """
        source = self.port(port)
        return float(source.values[source.index])

    def run_until(self, instant_ns: int, found: Sequence[object] = ()) -> bool:
        """Let time pass, to the instant or until something lies in ``found``.

        Raises:
            BmsError: If the firmware has returned an error, or the BMS leaves the rig no room on a bus.
            BusError: If the rig itself has more to send than a bus takes.
        """
        try:
            return self.clock.run_until_any(instant_ns, found)
        except HilError as error:
            told = error  # SimPy raises a copy, which knows the reason alone
            if not error.place and isinstance(error.__cause__, HilError):
                told = error.__cause__
            crowd = self._crowd() if isinstance(told, QueueFullError) else None
            if crowd is not None:
                raise BmsError(f"{crowd}; the rig's own frames wait") from told
            if told is not error:
                raise told from None
            raise

    def _crowd(self) -> Crowd | None:
        """The bus that the BMS fills, if it does."""
        now_ns, bms = self.now_ns, self.rig.bms.node
        buses = ((bus, self.heard(name, now_ns - WINDOW_NS)) for name, bus in self.rig.buses.items())
        return next((c for bus, frames in buses if (c := crowd_of(bus, bms, frames, now_ns))), None)

    def stop(self) -> None:
        """Go to the safe state: drive and charger off, the requests of the rig file sent; switch off.

        Raises:
            HilError: What went wrong first meanwhile; all else has been done.
        """
        self.stop_nodes()
        self.plant.safe()
        host = Undeterred(self)
        try:
            ask_for_safety(self.rig, host)
            host.run_until(self.now_ns + _SAFE_NS)
        finally:
            self.bms.power_off()
        if host.wrong:
            raise host.wrong[0]

    def port(self, name: str) -> Port:
        """A port of the twins.

        Raises:
            UsageError: If there is no such port.
        """
        port = self.ports.get(name)
        if port is None:
            raise UsageError(f"the twins have no port {name!r}", remedy=_near(name, self.ports))
        return port

    def node(self, name: str) -> Machine:
        """A node on a bus.

        Raises:
            UsageError: If the rig file has no such node.
        """
        if name not in self.nodes:
            raise UsageError(f"the rig file has no node {name!r}", remedy=suggest(name, self.nodes, "nodes"))
        return self.nodes[name]

    def start_nodes(self) -> None:
        """Let the nodes begin, from now on."""
        for node in self.nodes.values():
            node.start()

    def stop_nodes(self) -> None:
        """Let the nodes stop, and leave the twins safe."""
        for node in self.nodes.values():
            node.stop()

    def _share_addresses(self, bus: str) -> None:
        """Nodes on a bus speak for themselves."""
        exchange = self.stations[bus].exchange
        if exchange is not None:
            speakers = (self.nodes[spec.name].speaker for spec in self.rig.nodes if spec.bus == bus)
            exchange.addresses -= {speaker.address for speaker in speakers if speaker.address is not None}

    def _node(self, spec: NodeSpec, medium: Medium) -> Machine:
        database = self.rig.buses[spec.bus].database
        return build_node(spec, Surroundings(self.clock, medium, database, self.plant.ports, self.rig.plant))

    def entry(self, message: str) -> Entry:
        """What faults of a message act on that the restbus or a node of the rig sends.

        Raises:
            UsageError: If the rig does not send it.
        """
        for station in self.stations.values():
            if message in station.restbus.entries:
                return station.restbus.entries[message]
        for node in self.nodes.values():
            entry = node.speaker.entry(message)
            if entry is not None:
                return entry
        sent = [name for station in self.stations.values() for name in station.restbus.entries]
        raise UsageError(
            f"the rig does not send a message {message!r}", remedy=suggest(message, sent, "messages")
        )

    def bus_of(self, message: str) -> str:
        """The bus that a message is on.

        Raises:
            UsageError: If no DBC file has it.
        """
        for name, station in self.stations.items():
            if message in station.database.messages:
                return name
        known = [name for station in self.stations.values() for name in station.database.messages]
        raise UsageError(f"no DBC file has a message {message!r}", remedy=suggest(message, known, "messages"))

    def layout(self, message: str) -> Message:
        """The layout of a message on any bus.

        Raises:
            UsageError: If no DBC file has it.
        """
        return self.stations[self.bus_of(message)].database.messages[message]

    def wire(self, bus: str = "") -> Medium:
        """The wire of a bus; without a name that of the only one.

        Raises:
            UsageError: If there is no such bus, or it takes a name to say which.
        """
        if not bus and len(self.stations) > 1:
            raise UsageError("the rig has several buses", remedy=f"bus = one of {', '.join(self.stations)}")
        name = bus or next(iter(self.stations))
        if name not in self.stations:
            raise UsageError(
                f"the rig file has no bus {name!r}", remedy=suggest(name, self.stations, "buses")
            )
        return self.stations[name].medium

    def stands_for(self, bus: str) -> frozenset[str]:
        """The nodes in whose place the restbus sends on a bus."""
        entries = self.stations[bus].restbus.entries.values()
        return frozenset(sender for entry in entries for sender in entry.message.senders)

    def last_frame(self, message: str) -> Frame | None:
        """The last frame of a message on the wire, if it is still remembered."""
        for station in self.stations.values():
            if message in station.database.messages:
                found = station.listener.last_frames(station.database.messages[message].key, 1)
                return found[0] if found else None
        return None

    def signals_of_port(self, port: str) -> tuple[tuple[str, str], ...]:
        """Message and signal of each wire from a twin port to the bus."""
        wires = self.rig.wires
        return tuple((w.message, w.signal) for w in wires if w.port == port and w.direction == "out")

    def carriers_of_port(self, port: str, value: float | None) -> tuple[Carrier, ...]:
        """Where a twin port shows on the wire once it has a value."""
        return tuple(
            self._carrier(
                wire.bus,
                wire.message,
                wire.signal,
                None if value is None else (value - wire.offset) / wire.scale,
            )
            for wire in self.rig.wires
            if wire.port == port and wire.direction == "out"
        )

    def carrier_of_signal(self, message: str, signal: str, value: float | None) -> tuple[Carrier, ...]:
        """Where a signal shows on the wire once it has a value in the DBC's unit; ``None``: not available."""
        for name, station in self.stations.items():
            if message in station.database.messages:
                return (self._carrier(name, message, signal, value),)
        return ()

    def carrier_of_message(
        self, message: str, shows: Callable[[Message, Frame], bool]
    ) -> tuple[Carrier, ...]:
        """Where a message shows on the wire."""
        for name, station in self.stations.items():
            layout = station.database.messages.get(message)
            if layout is not None:
                sees = lambda frame, layout=layout: shows(layout, frame)  # noqa: E731
                return (Carrier(name, layout.key, sees, message),)
        return ()

    def _carrier(self, bus: str, message: str, signal: str, value: float | None) -> Carrier:
        layout = self.stations[bus].database.messages[message]
        field = layout.signals[signal]
        lost = value is None or math.isnan(value)
        if lost and field.not_available is None:
            raise NotOfferedError(f"{message}.{signal} has no raw number that means 'not available'")

        def shows(frame: Frame) -> bool:
            try:
                seen = layout.decode(frame.data)[field.index]
            except FrameError:  # of somebody else with the same identifier
                return False
            if seen is None or value is None or lost:
                return seen is not None and field.is_absent(seen)
            target = min(max(value, field.minimum), field.maximum)
            return field.shows(seen, target)

        return Carrier(bus, layout.key, shows, message, signal)

    def _stimulate(self, stimulus: Stimulus) -> Stimulus:
        if stimulus.on_wire_ns is None and any(map(self._stands, stimulus.carriers)):
            stimulus.on_wire_ns = self.now_ns
        if stimulus.on_wire_ns is None:
            self._pending.append(stimulus)
            for name, watch in self._watch.items():
                medium = self.stations[name].medium
                if watch not in medium.taps:
                    medium.taps = [watch, *medium.taps]  # others may ask what it found
        return stimulus

    def _stands(self, carrier: Carrier) -> bool:
        """Whether the last frame of a message that is sent on a change shows it: no other will come."""
        if self.layout(carrier.message).on_change is None:
            return False
        last = self.stations[carrier.bus].listener.last_frames(carrier.key, 1)
        return bool(last) and carrier.shows(last[0])

    def _watch_for_pending(self, name: str) -> FrameHandler:
        """A tap for the time in which stimuli are pending: few frames of a run are in it."""
        pending, medium = self._pending, self.stations[name].medium

        def watch(frame: Frame) -> None:
            if pending and not frame.error:
                key = frame.key
                pending[:] = [s for s in pending if not s.see(name, key, frame)]
            if not pending:  # a new list: the old one is being gone through
                medium.taps = [tap for tap in medium.taps if tap is not watch]

        return watch

    def _keep_tracing(self, trace: TraceWriter) -> None:
        def settle(_event: Event) -> None:
            trace.settle()
            self.clock.set_alarm(alarm, self.now_ns + _TRACE_NS)

        alarm = Alarm(self.clock, settle)
        self.clock.set_alarm(alarm, self.now_ns + _TRACE_NS)


def _near(name: str, ports: Iterable[str]) -> str:
    """What the name of a port may have been meant to be."""
    array = f"{name.partition('[')[0]}["
    size = sum(port.startswith(array) for port in ports)
    return f"they are numbered 1 to {size}" if size else suggest(name, ports, "ports")
