"""A CHAdeMO charging station: frames 108 and 109, and the pilot lines of its connector.

::

    station                                     vehicle
      d1 on                            ──►
                                       ◄──      100, 101, 102: limits, times, status
      108, 109: what it can give       ──►
                                       ◄──      102 'enabled', and line k (permission)
      locks, tests the insulation
      d2 on                            ──►
                                       ◄──      102 'contactor closed', a current request
      109 'charging'; follows the request, 20 A/s at most
                                       ◄──      102 'not enabled', or line k off
      109 'stopped'; current falls     ──►
                                       ◄──      102 'contactor open'
      d2 off, unlocks, d1 off          ──►

Layouts: ``dbc/chademo.dbc``; sequence and bits from open implementations (Stm32-vcu ``chademo.cpp``,
furdog/chademo ``chademo_se.h``, Battery-Emulator) and captures (osexpert/chademo_research). The
specification itself is not public: all times here are provisional but for the 100 ms of the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from hil.bell import Steps
from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.nodes.machine import Machine
from hil.nodes.power import PowerStage
from hil.nodes.speaker import Speaker

Say = Callable[[], Mapping[str, float]] | None

_VERSION = 2.0  # 1.0.x
_UNUSED_S, _UNUSED_MIN = 2550.0, 255.0
_LARGEST_A = 255.0
_RISE_A_PER_S = 20.0  # of CHAdeMO's dynamic control
_SAFE_A = 5.0
_LEAST_OHM_PER_V = 100.0
_FAULTS = (  # of the vehicle
    "Overvoltage",
    "Undervoltage",
    "CurrentDeviation",
    "HighTemperature",
    "VoltageDeviation",
    "SystemFault",
)


class State(IntEnum):
    """Where the station is."""

    IDLE = 0
    STARTED = 1
    EXCHANGE = 2
    INSULATION = 3
    CONTACTORS = 4
    CHARGING = 5
    STOPPING = 6
    FINISHED = 7
    FAILED = 8


@dataclass(frozen=True)
class Times:
    """All times, in ns.

    Attributes:
        vehicle_ns: For the vehicle's first frames after d1.
        permission_ns: For line k and 'enabled' after that.
        insulation_ns: Length of the insulation test.
        contactor_ns: For the vehicle to close its contactor after d2.
        lost_ns: Without one of the vehicle's frames.
        differ_ns: How long line k and 'enabled' may say different things.
        open_ns: For the vehicle to open its contactor at the end.
    """

    vehicle_ns: int = 20 * NS_PER_S
    permission_ns: int = 20 * NS_PER_S
    insulation_ns: int = 3 * NS_PER_S
    contactor_ns: int = 10 * NS_PER_S
    lost_ns: int = 1 * NS_PER_S
    differ_ns: int = 500 * NS_PER_MS
    open_ns: int = 10 * NS_PER_S


@dataclass(frozen=True)
class Rating:
    """What the station can give."""

    max_V: float
    min_V: float
    max_A: float
    times: Times = field(default_factory=Times)


class _Unplugged(Exception):
    """The connector is out."""


class _Fault(Exception):
    """It ends at once; flags of CHG_Status tell why."""

    def __init__(self, *flags: str) -> None:
        super().__init__(", ".join(flags))
        self.flags = flags


class _Stop(Exception):
    """It ends as it should."""


class Charger(Machine):
    """The station, from plug to unplug.

    Its ports: lines ``d1``, ``d2`` and the connector's lock ``locked`` come from the station; line
    ``k`` (permission) goes to it, and its buttons ``stop`` and ``emergency``. ``energy`` is in Wh.

    Args:
        name: In the rig file.
        clock: The one time line.
        speaker: Its place on the bus.
        power: Its power stage.
        rating: What it can give, and its times.
    """

    states = State
    outputs = (("d1", 0.0, 1.0), ("d2", 0.0, 1.0), ("locked", 0.0, 1.0), ("energy", 0.0, 1e9))
    inputs = (("k", 0.0, 1.0), ("stop", 0.0, 1.0), ("emergency", 0.0, 1.0))

    def __init__(
        self, name: str, clock: VirtualClock, speaker: Speaker, power: PowerStage, rating: Rating
    ) -> None:
        super().__init__(name, clock, speaker)
        self._power = power
        self._rating = rating
        self._times = rating.times
        self._flags: frozenset[str] = frozenset()
        self._given_A = 0.0
        self._energy_J = 0.0
        self._begun_ns = self._looked_ns = 0
        self._differ_ns: int | None = None  # since when line k and 'enabled' differ

    # -- its life -----------------------------------------------------------------------------

    def live(self) -> Steps:
        """Wait for a plug, serve it, wait until it is out; again and again."""
        while True:
            self.enter(State.IDLE)
            while not (yield from self.until(lambda: self._power.plugged, NS_PER_S)):
                continue
            end = State.FINISHED
            try:
                yield from self._serve()
            except _Unplugged:
                self._release()
            except _Fault as fault:
                end = State.FAILED
                yield from self._shut_down(fault.flags)
            self._release()
            self.enter(end)
            while (yield from self.until(lambda: not self._power.plugged, NS_PER_S)) is False:
                continue

    def leave(self) -> None:
        """No output, all lines off."""
        self._release()

    def tend(self) -> None:
        """The power stage is its own: it hears of it also while nothing is to be given."""
        self._power.tend()

    def must_be_silent(self) -> bool:
        """A power stage whose controller is dead cannot speak."""
        return not self._power.talking

    def _release(self) -> None:
        self._power.stop()
        self.speaker.cease()
        for line in ("d1", "d2", "locked"):
            self.show(line, 0.0)

    def _serve(self) -> Steps:
        self.speaker.forget("EV_Limits", "EV_Time", "EV_Status")
        self._flags = frozenset()
        self._energy_J = self._given_A = 0.0
        self._begun_ns = 0
        self.show("energy", 0.0)
        try:
            yield from self._start()
            yield from self._test_insulation()
            yield from self._charge()
        except _Stop:
            yield from self._end()

    # -- phases -------------------------------------------------------------------------------

    def _start(self) -> Steps:
        self.enter(State.STARTED)
        self.show("d1", 1.0)
        there = lambda: all(self.speaker.heard(m) for m in ("EV_Limits", "EV_Status"))  # noqa: E731
        if not (yield from self.until(there, self._times.vehicle_ns, self._look_at_plug)):
            raise _Fault("SystemMalfunction")
        self.enter(State.EXCHANGE)
        self._say(State.EXCHANGE)
        permitted = lambda: self._line_k and self._enabled  # noqa: E731
        if not (yield from self.until(permitted, self._times.permission_ns, self._look_before)):
            raise _Fault("SystemMalfunction")

    def _test_insulation(self) -> Steps:
        self.enter(State.INSULATION)
        self.show("locked", 1.0)
        yield from self.until(lambda: False, self._times.insulation_ns, self._look_before)
        if self._power.insulation_Ohm < _LEAST_OHM_PER_V * self._threshold_V:
            raise _Fault("SystemMalfunction")
        self.enter(State.CONTACTORS)
        self.show("d2", 1.0)
        closed = lambda: not self._contactor_open and self._power.has_battery  # noqa: E731
        if not (yield from self.until(closed, self._times.contactor_ns, self._look_before)):
            raise _Fault("SystemMalfunction")

    def _charge(self) -> Steps:
        self._begun_ns = self._looked_ns = self.clock.now_ns
        self._differ_ns = None
        self.enter(State.CHARGING)
        while True:
            yield from self.until(lambda: False, NS_PER_S, self._regulate)

    def _end(self) -> Steps:
        self._power.stop()
        self.enter(State.STOPPING)
        yield from self.until(lambda: self._power.current_A < _SAFE_A, NS_PER_S, self._look_at_plug)
        if not self._begun_ns:  # d2 was never on: there is nothing to open
            return
        if not (yield from self.until(lambda: self._contactor_open, self._times.open_ns, self._look_at_plug)):
            raise _Fault("SystemMalfunction")

    def _shut_down(self, flags: tuple[str, ...]) -> Steps:
        """Off at once, and say why for a second."""
        self._power.stop()
        self._flags = frozenset(flags)
        self.enter(State.FAILED)
        self._say(State.FAILED)
        yield from self.until(lambda: not self._power.plugged, NS_PER_S)

    # -- charging -----------------------------------------------------------------------------

    def _regulate(self) -> None:
        now_ns = self.clock.now_ns
        dt_s = (now_ns - self._looked_ns) * 1e-9
        self._looked_ns = now_ns
        self._energy_J += self._power.voltage_V * self._power.current_A * dt_s
        self.show("energy", self._energy_J / 3600.0)
        self._look_before()
        self._look_for_faults()
        limit_A = min(self._rating.max_A, _LARGEST_A)
        wanted_A = min(self.speaker.value("EV_Status", "CurrentRequest"), limit_A)
        step_A = _RISE_A_PER_S * dt_s
        self._given_A = max(self._given_A - step_A, min(self._given_A + step_A, wanted_A))
        if not self._line_k:
            self._given_A = 0.0
        target_V = min(self.speaker.value("EV_Status", "TargetVoltage"), self._threshold_V)
        if self._given_A > 0.0:
            self._power.give(target_V, self._given_A)
        else:
            self._power.stop()

    def _look_for_faults(self) -> None:
        """What ends a charge that is under way."""
        power = self._power
        if power.hot or power.broken or power.without_mains or not power.has_battery:
            raise _Fault("Malfunction")
        if self._contactor_open or power.voltage_V > 1.01 * self._threshold_V:
            raise _Fault("SystemMalfunction")
        self._look_at_agreement()
        if not self._enabled or self._status("StopRequest"):
            raise _Stop
        if self._begun_ns and self.clock.now_ns - self._begun_ns >= self._longest_s * NS_PER_S:
            raise _Stop

    def _look_at_agreement(self) -> None:
        """Line k and 'enabled' say the same, but for a moment; without the line there is no output."""
        if not self._line_k and not self._enabled:
            raise _Stop
        if self._line_k == self._enabled:
            self._differ_ns = None
            return
        if self._differ_ns is None:
            self._differ_ns = self.clock.now_ns
        if self.clock.now_ns - self._differ_ns > self._times.differ_ns:
            raise _Fault("SystemMalfunction")

    def _look_before(self) -> None:
        """What ends a session in any phase after the vehicle has spoken."""
        self._look_at_plug()
        lost_ns = self.clock.now_ns - self._times.lost_ns
        if not all(self.speaker.since(message, lost_ns) for message in ("EV_Limits", "EV_Status")):
            raise _Fault("SystemMalfunction")
        highest_V = self.speaker.value("EV_Limits", "MaxVoltage")
        target_V = self.speaker.value("EV_Status", "TargetVoltage")
        if highest_V < self._rating.min_V or target_V > self._rating.max_V:
            raise _Fault("Incompatible")
        if any(self._status(fault) for fault in _FAULTS) or self._status("NotInPark"):
            raise _Fault("SystemMalfunction")
        if self.read("emergency") >= 0.5:
            raise _Fault("Malfunction")
        if self.read("stop") >= 0.5:
            raise _Stop

    def _look_at_plug(self) -> None:
        if not self._power.plugged:
            raise _Unplugged

    # -- what the vehicle says ----------------------------------------------------------------

    def _status(self, signal: str) -> bool:
        return self.speaker.value("EV_Status", signal, 0.0) == 1.0

    @property
    def _enabled(self) -> bool:
        return self._status("Enabled")

    @property
    def _contactor_open(self) -> bool:
        return self._status("ContactorOpen")

    @property
    def _line_k(self) -> bool:
        return self.read("k") >= 0.5

    @property
    def _threshold_V(self) -> float:
        """Where it stops to protect the battery."""
        return min(self._rating.max_V, self.speaker.value("EV_Limits", "MaxVoltage", self._rating.max_V))

    @property
    def _longest_s(self) -> float:
        """How long the vehicle permits it; minutes count where the finer number is not used."""
        tens_s = self.speaker.value("EV_Time", "MaxTimeTens", _UNUSED_S)
        minutes = self.speaker.value("EV_Time", "MaxTime", 0.0)
        if tens_s < _UNUSED_S and tens_s > 0.0:
            return tens_s
        return 60.0 * minutes if minutes > 0.0 else float("inf")

    # -- what it says -------------------------------------------------------------------------

    def messages_of(self, state: IntEnum) -> Mapping[str, Say]:
        """What is repeated in a state."""
        if state in (State.IDLE, State.STARTED, State.FINISHED):
            return {}
        return {"CHG_Capability": self._capability, "CHG_Status": self._own_status}

    def _say(self, state: IntEnum) -> None:
        for message, values in self.messages_of(state).items():
            self.speaker.repeat(message, values)

    def _capability(self) -> Mapping[str, float]:
        return {
            "WeldDetection": 1.0,
            "AvailableVoltage": self._rating.max_V,
            "AvailableCurrent": min(self._rating.max_A, _LARGEST_A),
            "ThresholdVoltage": self._threshold_V,
        }

    def _own_status(self) -> Mapping[str, float]:
        power, charging = self._power, self.state is State.CHARGING
        left_s = self._longest_s - (self.clock.now_ns - self._begun_ns) * 1e-9
        counts = charging and left_s < 255 * 60.0
        minutes = max(0.0, left_s // 60.0) if counts else _UNUSED_MIN
        return {
            "Protocol": _VERSION,
            "Voltage": power.voltage_V,
            "Current": power.current_A,
            "Charging": float(charging or power.current_A >= _SAFE_A),
            "Locked": self.read("locked"),
            "Stopped": float(not charging),
            "RemainingTens": _UNUSED_S,
            "Remaining": minutes,
        } | dict.fromkeys(self._flags, 1.0)
