"""A world in real time: one plant on real buses for the life of the process, renewed for each test.

Nothing here waits outside of the one loop: what takes a while, such as a BMS that starts, lets time pass and
the buses be served. Only :meth:`RealWorld.run_until` and what calls it may therefore be called while no event
is at work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from simpy.events import Event

from hil.bms.contract import Bms
from hil.bms.external import ExternalBms
from hil.bms.process import ProcessBms
from hil.bus.bcm import Broadcast
from hil.bus.link import open_link
from hil.bus.medium import Medium
from hil.bus.socketcan import SocketCanLink
from hil.clock import NS_PER_MS, NS_PER_S, Alarm
from hil.errors import BmsEndedError, BmsError, FrameError, HilError, HookError, RigTroubleError
from hil.faults.fault import Fault
from hil.frames.punctual import PunctualRestbus
from hil.frames.restbus import Entry
from hil.host.asking import ask_for_safety
from hil.host.by_kernel import KernelSender
from hil.host.outputs import switch_outputs
from hil.host.presence import Presence
from hil.host.undeterred import Undeterred
from hil.host.vitals import Vitals
from hil.host.watched import WatchedMedium
from hil.host.world import World
from hil.realtime.clock import RealClock
from hil.realtime.rights import tidy
from hil.realtime.waiting import Waiting
from hil.responses.signals import Reception
from hil.rig.schema import RigConfig

SAFE_NS = 300 * NS_PER_MS  # some cycles of a request: the BMS has it, and opens
_LOOK_NS = 100 * NS_PER_MS  # after the BMS's process
_PULSE_NS = 110 * NS_PER_MS  # two cycles of a request
_SETTLE_NS = NS_PER_S  # after a reset, for the BMS to leave its fault
_RESETS = 10  # the longest debounce of a fault is gone after so many
_KEPT = 100  # samples of a message: tests keep their own

Tell = Callable[[HilError, bool], None]


@dataclass(frozen=True)
class SafeState:
    """How the way to the safe state went.

    Attributes:
        requests: What was asked of the BMS.
        on_wire_ns: When the first frame carried each of them; ``None``: none did.
        state: What the BMS says of itself after that; empty if nothing.
        contactors: Those that it shows, likewise.
        bms_runs: False if the BMS is a process of the rig that does not run: nobody is there to be asked.
        outputs: The commands that were run after that, and what went wrong with each; empty if nothing.
        wrong: What else went wrong on the way, at first, be it the rig or a step that the BMS did not follow;
            empty if nothing.
    """

    requests: dict[str, str]
    on_wire_ns: dict[str, int | None]
    state: str = ""
    contactors: dict[str, str] = field(default_factory=dict)
    bms_runs: bool = True
    outputs: dict[str, str] = field(default_factory=dict)
    wrong: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether outputs are switched, requests on the bus, and contactors open, if the BMS is not off."""
        asked = None not in self.on_wire_ns.values()
        opened = not self.bms_runs or (asked and "closed" not in self.contactors.values())
        return opened and not any(self.outputs.values())

    def __str__(self) -> str:
        asked = ", ".join(self.requests.values()) or "nothing"
        lost = [name for name, t_ns in self.on_wire_ns.items() if t_ns is None]
        closed = [name for name, said in self.contactors.items() if said == "closed"]
        parts = [f"safe state {'reached' if self.is_reached else 'not reached'}: asked for {asked}"]
        parts += [f"never on the bus: {', '.join(lost)}"] if lost else []
        said = f"says {self.state or 'nothing'}" if self.bms_runs else "does not run any more"
        parts.append(f"the BMS {said}")
        parts += [f"still closed: {', '.join(closed)}"] if closed else []
        done = [command for command, wrong in self.outputs.items() if not wrong]
        parts += [f"switched: {', '.join(done)}"] if done else []
        parts += [f"not switched: {command} ({wrong})" for command, wrong in self.outputs.items() if wrong]
        parts += [f"on the way: {self.wrong}"] if self.wrong else []
        return "; ".join(parts)


class RealWorld(World):
    """Plant, restbus and BMS in real time, on buses that may go away.

    Args:
        rig: The rig file.
        clock: The real clock.
        media: The buses, by name.
        bms: The BMS under test.
        tell: Told of trouble, and whether that is the end of a run.

    Attributes:
        vitals: How well this world keeps its time.
    """

    restbus = PunctualRestbus

    def __init__(
        self,
        rig: RigConfig,
        clock: RealClock,
        media: Mapping[str, WatchedMedium],
        bms: Bms,
        tell: Tell,
    ) -> None:
        super().__init__(rig, clock, cast("Mapping[str, Medium]", media), bms, None, 0)
        self.media = media
        self.real_clock = clock
        self.tell = tell
        self._starting = self._bms_told = False
        self._started_ns = 0
        self._waiting = Waiting()
        self._presence = Presence(rig, media, self._pause)
        self.vitals = Vitals(clock, media, self._restbuses(), rig.plant.step_ns)
        for medium in media.values():
            medium.on_trouble = self._bus_lost
            medium.on_return = self.vitals.note
        for reception in self._receptions():
            reception.samples = deque(maxlen=_KEPT)
            reception.arrivals_ns = deque(maxlen=_KEPT)
        self._helpers = [helper for name in media if (helper := self._hand_over(name)) is not None]
        self._warm_up()
        self._look_alarm = Alarm(clock, self._look_after_bms)
        clock.set_alarm(self._look_alarm, clock.now_ns + _LOOK_NS)

    @property
    def can_switch(self) -> bool:
        """Whether the BMS can be switched off and on."""
        return not isinstance(self.bms, ExternalBms) or self.bms.can_switch

    # -- a test -------------------------------------------------------------------------------

    def renew(self, seed: int) -> None:
        """Everything as in a new world: whole, off, noise by ``seed``; the BMS off, if it can be switched."""
        self.mend()
        self._pending.clear()
        self._asked.rest()
        for evaluation in self._evaluations:
            evaluation.renew()
        if self.can_switch:
            self.switch_off()
            tidy()  # nothing is sent now that could be late
        self._come_to_the_present()
        self.plant.reset(seed)
        for node in self.nodes.values():
            node.stop()
            node.mend()
        self.vitals.begin()

    def power_on(self, *, cold: bool = True) -> None:
        """Switch the BMS on, then start the restbus; time passes until the BMS is ready.

        A BMS that cannot be switched is brought to its standby instead.

        Raises:
            FirmwareError: If it does not start.
            BmsError: If it fills a bus, and says nothing that it should; or does not start any more.
            RigTroubleError: If there is nothing to test: a bus is away, somebody else is in the rig's place,
                or nothing is heard of the BMS.
        """
        self._come_to_the_present()
        self._presence.await_buses()
        self._presence.refuse_intruders()
        if self.can_switch:
            self._switch_on(cold=cold)
        self._start_restbus()
        self._await_bms()
        if not self.can_switch:
            self._bring_to_standby()

    def _await_bms(self) -> None:
        try:
            self._presence.await_bms(self._silent_ns)
        except RigTroubleError as error:
            crowd = self._crowd()
            if crowd is None:
                raise
            raise BmsError(f"{crowd}; nothing else of it came") from error

    def _switch_on(self, *, cold: bool) -> None:
        self._stop_restbus()
        self._starting = True
        self.vitals.counts_steps = False  # to start a program may hold this one up for some steps
        try:
            self.bms.power_on(cold=cold)
        finally:
            self._starting = self._bms_told = False
            self._started_ns = self.now_ns
        self._come_to_the_present()
        self.vitals.counts_steps = True

    def stop(self) -> None:
        """Go to the safe state and switch off."""
        try:
            self.go_safe()
        finally:
            if self.can_switch:
                self.switch_off()

    def go_safe(self) -> SafeState:
        """Mend all, drive and charger off, ask the BMS and switch what the rig file says; time passes.

        What goes wrong in the rig meanwhile is told in the answer, and keeps nothing else from being done.
        """
        self.mend()
        self.stop_nodes()
        self.plant.safe()
        host, asked_ns = Undeterred(self), self.now_ns
        asked, stopped = ask_for_safety(self.rig, host)
        host.run_until(max(asked_ns, self.now_ns) + SAFE_NS)
        roles = {name: self._said(name, asked_ns) for name in self._shown()}
        outputs = switch_outputs(
            self.rig.safe_state.outputs, lambda span_ns: host.run_until(self.now_ns + span_ns)
        )
        return SafeState(
            requests=dict(map(self._in_words, self.rig.safe_state.requests.items())),
            on_wire_ns={name: None if sent is None else sent.on_wire_ns for name, sent in asked.items()},
            state=roles.pop("state", ""),
            contactors=roles,
            bms_runs=not isinstance(self.bms, ProcessBms) or self.bms.alive(),
            outputs=outputs,
            wrong=next(iter([*map(str, host.wrong), *stopped]), ""),
        )

    def _in_words(self, asked: tuple[str, float]) -> tuple[str, str]:
        request, value = asked
        return request, f"{request} = {self.rig.requests[request].name_of(value)}"

    def mend(self) -> None:
        """Nothing is broken any more."""
        for fault in reversed(self._faults):
            fault.clear(self)
        self._faults.clear()
        for entry in self._entries():
            entry.hold, entry.mutate = "normal", None
            if entry.protector is not None:
                entry.protector.fault = None

    def close(self) -> None:
        """Leave the buses; the BMS is switched off, if it can be."""
        self._look_alarm.cancel()
        try:
            self._stop_restbus()
            if isinstance(self.bms, ProcessBms):
                self.bms.close()
            for helper in self._helpers:
                helper.close()
        finally:
            for medium in self.media.values():
                medium.close()

    # -- what it is made of -------------------------------------------------------------------

    def _hand_over(self, bus: str) -> KernelSender | None:
        """Let the kernel send what the rig file leaves to it.

        Raises:
            BusError: If it cannot.
        """
        medium, restbus = self.media[bus], cast("PunctualRestbus", self.stations[bus].restbus)
        link, left = medium.link, any(entry.message.by_kernel for entry in restbus.entries.values())
        if not left or not isinstance(link, SocketCanLink):
            return None
        helper = KernelSender(medium, self.real_clock, restbus, lambda: Broadcast(link), self.vitals.note)
        restbus.helper = helper
        return helper

    def _about_to(self, fault: Fault) -> None:
        """What the kernel sends is the rig's again before it is disturbed."""
        message = getattr(fault, "message", "")
        for helper in self._helpers:
            helper.recall([message])

    def _warm_up(self) -> None:
        """What is compiled at its first use is used once, before it has to be on time."""
        for entry in self._entries():
            for _ in entry.message.mux_values or (None,):
                with suppress(FrameError, HookError):  # which a test is told
                    entry.pack()
        for reception in self._receptions():
            _ = reception.message.decode

    def _come_to_the_present(self) -> None:
        """What was done took its time: what was due meanwhile happens now, and what begins is on time."""
        self.run_until(max(self.now_ns, self.real_clock.real_ns))

    def _pause(self, span_ns: int, found: list[int]) -> bool:
        return self.run_until(self.now_ns + span_ns, found)

    def _silent_ns(self) -> int | None:
        """How long ago the BMS was last heard; ``None``: never, as far as is remembered."""
        heard = [reception.arrivals_ns[-1] for reception in self._receptions() if reception.arrivals_ns]
        return self.now_ns - max(heard) if heard else None

    def _restbuses(self) -> list[PunctualRestbus]:
        return [cast("PunctualRestbus", station.restbus) for station in self.stations.values()]

    def _receptions(self) -> Iterator[Reception]:
        for station in self.stations.values():
            yield from station.listener.signals.receptions.values()

    def _entries(self) -> Iterator[Entry]:
        for station in self.stations.values():
            yield from station.restbus.entries.values()

    def _start_restbus(self) -> None:
        self.plant.measure()
        for restbus in self._restbuses():
            if not restbus.is_running:
                restbus.start(self.now_ns)
        self.start_nodes()

    def _stop_restbus(self) -> None:
        for station in self.stations.values():
            station.restbus.stop()
            if station.exchange is not None:
                station.exchange.reset()
        self.stop_nodes()

    def switch_off(self) -> None:
        """No frames for a BMS that is off: alone on the bus they would be errors."""
        self._stop_restbus()
        self.bms.power_off()
        for reception in self._receptions():
            reception.samples.clear()

    # -- a BMS that cannot be switched --------------------------------------------------------

    def _bring_to_standby(self) -> None:
        """Ask for standby and reset, until the BMS says that it is there, or often enough."""
        for request, value in self.rig.safe_state.requests.items():
            self.ask(request, value)
        self.run_until(self.now_ns + _PULSE_NS)
        if "reset" not in self.rig.requests:
            return
        for _ in range(_RESETS):
            if self._said("state") == "standby":
                return
            for value in (0.0, 1.0, 0.0):
                self.ask("reset", value)
                self.run_until(self.now_ns + _PULSE_NS)
            self.run_until(self.now_ns + _SETTLE_NS)

    def _shown(self) -> list[str]:
        """The roles that tell whether the BMS is safe."""
        return [name for name in self.rig.roles if name == "state" or name.startswith("contactor.")]

    def _said(self, name: str, since_ns: int = 0) -> str:
        """What the BMS said last of a role after an instant, in words; empty if nothing."""
        role = self.rig.roles.get(name)
        if role is None:
            return ""
        reception = self.stations[role.bus].listener.signals.receptions.get(role.message)
        if reception is None:
            return ""
        last = reception.last(role.reading.of, role.frames_of(reception.message))
        return "" if last is None or last[0] < since_ns else role.name_of(last[1])

    # -- trouble ------------------------------------------------------------------------------

    def _bus_lost(self, error: HilError) -> None:
        self.vitals.note(str(error))
        self.tell(error, False)

    def _look_after_bms(self, _event: Event) -> None:
        self.real_clock.set_alarm(self._look_alarm, self.now_ns + _LOOK_NS)
        if not isinstance(self.bms, ProcessBms):
            return
        waited_ns = self._waiting.look(self.bms.pid)
        if self._starting or self._bms_told:
            return
        self.vitals.bms_waited(waited_ns)
        died = self.bms.trouble()
        reason = self._hanging(self.bms) if died is None else died.reason
        if reason:
            self._bms_told = True
            self.tell(BmsEndedError(reason, remedy="bms.log has its last words"), True)

    def _hanging(self, bms: ProcessBms) -> str:
        """A process that runs, and was heard, and says nothing any more for as long as it had to begin."""
        heard_ns, silent_ns = self.rig.bms.heard_ns, self._silent_ns()
        since_start_ns = self.now_ns - self._started_ns
        is_up = all(medium.is_up for medium in self.media.values())
        if not (heard_ns and is_up and bms.alive()) or silent_ns is None or silent_ns > since_start_ns:
            return ""  # since its start it was never heard: that is told where it is waited for
        if silent_ns <= heard_ns:
            return ""
        return f"the BMS's process hangs: it runs, but has said nothing for {silent_ns / NS_PER_S:.0f} s"

    def summary(self) -> dict[str, Any]:
        """State, requests and what is broken: what somebody who watches wants to see first."""
        return {
            "state": self._said("state"),
            "contactors": {n: self._said(n) for n in self._shown() if n != "state"},
            "faults": [name for name in self.rig.roles if name.startswith("fault.") and self._is_set(name)],
            "warnings": [n for n in self.rig.roles if n.startswith("warning.") and self._is_set(n)],
            "requests": {n: self.rig.asked[n].name_of(value) for n, value in self._asked.values.items()},
            "broken": [fault.text for fault in self._faults],
        }

    def _is_set(self, name: str) -> bool:
        return self._said(name).split(" ")[0] not in ("", "0")


def open_world(rig: RigConfig, clock: RealClock, folder: Path, tell: Tell) -> RealWorld:
    """The world of a rig file, on its buses.

    Args:
        rig: The rig file.
        clock: The real clock.
        folder: Where the BMS's output and memory go.
        tell: Told of trouble.

    Raises:
        RigFileError: If a bus's interface or its options are wrong.
        BusError: If a bus cannot be opened.
    """
    media: dict[str, WatchedMedium] = {}
    try:
        for name, bus in rig.buses.items():
            link = open_link(name, bus.interface, bus.channel, bus.bitrate, **bus.link_options)
            media[name] = WatchedMedium(clock, link)
            if not bus.receives_all:
                link.set_filters((m.id, m.extended) for m in bus.database.messages.values())
        return RealWorld(rig, clock, media, _bms(rig, clock, folder), tell)
    except BaseException:
        for medium in media.values():
            medium.close()
        raise


def _bms(rig: RigConfig, clock: RealClock, folder: Path) -> Bms:
    bms = rig.bms

    def pause(instant_ns: int) -> None:
        clock.run_until(max(instant_ns - clock.zero_ns, clock.now_ns))

    if bms.kind != "process":
        return ExternalBms(bms.switch_on, bms.switch_off, pause=pause)
    memory = str(folder / "bms.memory")
    command = [word.replace("{memory}", memory) for word in bms.command]

    return ProcessBms(command, bms.ready, cold=bms.cold, log=folder / "bms.log", pause=pause)
