"""The charging station of GB/T 27930-2015."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from hil.bell import Steps
from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.nodes.gbt27930.side import Late, PeerError, Say, Side, State, Stop, Unplugged
from hil.nodes.gbt27930.times import LARGEST_A, NOT_YET, READY, SAFE_A, YES, ChargerTimes
from hil.nodes.power import PowerStage
from hil.nodes.speaker import Speaker

_QUIET_NS = 2 * 250 * NS_PER_MS  # two cycles of BEM
_LEAST_OHM_PER_V = 100.0  # GB/T 18487.1: below it charging must not begin
_OVER = 1.10  # times the current that is wanted, and ...
_OVER_A = 5.0  # ... this much more is a mismatch; provisional
_OVER_V = 1.01  # times the pack's highest voltage is abnormal; provisional


@dataclass(frozen=True)
class Rating:
    """What the station can give.

    Attributes:
        restarts: How often it begins again after a timeout.
    """

    max_V: float
    min_V: float
    max_A: float
    min_A: float = 0.0
    number: int = 1
    region: str = "000"
    restarts: int = 3
    times: ChargerTimes = field(default_factory=ChargerTimes)


class _Unfit(Exception):
    """Vehicle and station do not go together, or the insulation is bad: nothing is begun."""


class Charger(Side):
    """The station: from plug to unplug.

    Its port ``stop`` is its stop button, ``emergency`` the other one; ``attempts`` counts sessions
    since it was plugged in, ``energy`` what it gave in Wh, ``errors`` the timeouts that it reported.

    Args:
        name: In the rig file.
        clock: The one time line.
        speaker: Its place on the bus.
        power: Its power stage.
        rating: What it can give, and its times.
    """

    of_a_session = ("BRM", "BCP", "BRO", "BCL", "BCS", "BSM", "BST", "BSD", "BEM")
    ending = (State.STOPPING,)
    outputs = (("attempts", 0.0, 1e6), ("energy", 0.0, 1e9), ("errors", 0.0, 1e6))
    inputs = (("stop", 0.0, 1.0), ("emergency", 0.0, 1.0))

    def __init__(
        self, name: str, clock: VirtualClock, speaker: Speaker, power: PowerStage, rating: Rating
    ) -> None:
        super().__init__(name, clock, speaker)
        self._power = power
        self._rating = rating
        self._times = rating.times
        self._energy_J = 0.0
        self._begun_ns = self._metered_ns = 0
        self._paused_ns: int | None = None  # since when the BMS forbids charging
        self._beyond_ns: int | None = None  # since when the output is beyond what is wanted
        self._wanted_A = 0.0

    # -- its life -----------------------------------------------------------------------------

    def live(self) -> Steps:
        """Wait for a plug, serve it, wait until it is out; again and again."""
        while True:
            self.enter(State.IDLE)
            while not (yield from self.until(lambda: self._power.plugged, NS_PER_S)):
                continue
            try:
                yield from self._serve()
            except Unplugged:
                pass
            except _Unfit:
                self._rest(State.FAILED)
            while (yield from self.until(lambda: not self._power.plugged, NS_PER_S)) is False:
                continue
            self._rest(State.IDLE)

    def leave(self) -> None:
        """No output."""
        self._power.stop()

    @property
    def _plugged(self) -> bool:
        return self._power.plugged

    def tend(self) -> None:
        """The power stage is its own: it hears of it also while nothing is to be given."""
        self._power.tend()

    def must_be_silent(self) -> bool:
        """A power stage whose controller is dead cannot speak."""
        return not self._power.talking

    def _serve(self) -> Steps:
        """One plugging: handshake, then a session; after a timeout another one."""
        self._energy_J = 0.0
        self._late = {}
        for counter in ("attempts", "energy", "errors"):
            self.show(counter, 0.0)
        yield from self._handshake()
        yield from self._sessions(self._rating.restarts)

    # -- phases -------------------------------------------------------------------------------

    def _handshake(self) -> Steps:
        self.go(State.HANDSHAKE)
        self.speaker.forget("BHM")
        said = yield from self.until(lambda: self.has("BHM"), self._times.bhm_ns, self._look_at_plug)
        if not said:
            raise _Unfit
        test_V = min(self.speaker.value("BHM", "MaxTotalVoltage"), self._rating.max_V)
        if test_V < self._rating.min_V:
            raise _Unfit
        yield from self.until(lambda: False, self._times.insulation_ns, self._look_at_plug)
        if self._power.insulation_Ohm < _LEAST_OHM_PER_V * test_V:
            raise _Unfit

    def _identify(self) -> Steps:
        self.go(State.IDENTIFICATION)
        yield from self._await("Brm", lambda: self.has("BRM"), self._times.brm_ns)
        self.speaker.repeat("CRM", lambda: self._crm(READY))
        yield from self._await("Bcp", lambda: self.has("BCP"), self._times.bcp_ns)

    def _configure(self) -> Steps:
        self.go(State.CONFIGURATION)
        pack_V = self.speaker.value("BCP", "PackVoltage")
        if not self._rating.min_V <= pack_V <= self._rating.max_V:
            raise Stop(FaultStop=YES, AbnormalVoltage=YES)
        yield from self._await("Bro", lambda: self.has("BRO"), self._times.bro_ns)
        yield from self._await("Bro", self._bms_is_ready, self._times.bro_ready_ns, self._look_for_bro)

    def _get_ready(self) -> Steps:
        self.go(State.READY)
        there = lambda: self._power.has_battery  # noqa: E731
        seen = yield from self._wait(there, self._times.no_battery_ns, self._look_for_bro)
        if not seen:
            raise Stop(FaultStop=YES, AbnormalVoltage=YES)
        yield from self._wait(lambda: False, self._times.prepare_ns, self._look_for_bro)
        self.speaker.forget("BCL", "BCS")
        self.speaker.repeat("CRO", lambda: {"Ready": READY})
        yield from self._await("Bcl", lambda: self.has("BCL"), self._times.first_ns)
        yield from self._await("Bcs", lambda: self.has("BCS"), self._times.first_ns)

    def _charge(self) -> Steps:
        self._begun_ns = self._metered_ns = self.clock.now_ns
        self._paused_ns = self._beyond_ns = None
        self.go(State.CHARGING)
        while True:  # each look at the messages raises what ends it
            yield from self._wait(lambda: False, NS_PER_S, self._regulate)

    def _end(self, reasons: Mapping[str, float]) -> Steps:
        self._power.stop()
        self._reasons = reasons
        self.go(State.STOPPING)
        yield from self._await("Bst", lambda: self.has("BST"), self._times.bst_ns, stops=False)
        yield from self._await("Bsd", lambda: self.has("BSD"), self._times.bsd_ns, stops=False)
        yield from self._wait(lambda: self._power.current_A < SAFE_A, NS_PER_S, stops=False)
        self.go(State.STATISTICS)
        yield from self._wait(lambda: False, self._times.csd_ns, stops=False)

    def _report(self, late: Mapping[str, float]) -> Steps:
        """Say for a while what did not come; the output is off. Then let the BMS finish."""
        self._power.stop()
        yield from self._complain(late, self._times.cem_ns)
        quiet = lambda: not self.speaker.since("BEM", self.clock.now_ns - _QUIET_NS)  # noqa: E731
        yield from self.until(quiet, self._times.bem_quiet_ns, self._look_at_plug)

    # -- what it says -------------------------------------------------------------------------

    def messages_of(self, state: IntEnum) -> Mapping[str, Say]:
        """What is repeated in a state."""
        said: dict[IntEnum, dict[str, Say]] = {
            State.HANDSHAKE: {"CHM": lambda: {"VersionMinor": 1.0, "VersionMajor": 1.0}},
            State.IDENTIFICATION: {"CRM": lambda: self._crm(NOT_YET)},
            State.CONFIGURATION: {"CTS": self._cts, "CML": self._cml},
            State.READY: {"CRO": lambda: {"Ready": NOT_YET}},
            State.CHARGING: {"CCS": self._ccs},
            State.STOPPING: {"CST": lambda: self._reasons},
            State.STATISTICS: {"CSD": self._csd},
            State.ERROR: {"CEM": lambda: self._late},
        }
        return said.get(state, {})

    def _crm(self, recognition: float) -> Mapping[str, float]:
        region = self._rating.region.ljust(3)
        letters = {f"Region{place}": float(ord(region[place - 1])) for place in (1, 2, 3)}
        return {"Recognition": recognition, "ChargerNumber": float(self._rating.number)} | letters

    def _cts(self) -> Mapping[str, float]:
        """Time since the rig began, on a day of its own: the wall clock must not be in a trace."""
        seconds = self.clock.now_ns // NS_PER_S
        fields = {
            "Second": seconds % 60,
            "Minute": seconds // 60 % 60,
            "Hour": seconds // 3600 % 24,
            "Day": 1 + seconds // 86_400 % 28,
            "Month": 1,
            "Year": 2015,
        }
        return {name: float(int(str(number), 16)) for name, number in fields.items()}  # BCD

    def _cml(self) -> Mapping[str, float]:
        rating = self._rating
        return {
            "MaxVoltage": rating.max_V,
            "MinVoltage": rating.min_V,
            "MaxCurrent": -min(rating.max_A, LARGEST_A),
            "MinCurrent": -rating.min_A,
        }

    def _ccs(self) -> Mapping[str, float]:
        return {
            "Voltage": self._power.voltage_V,
            "Current": -self._power.current_A,
            "Minutes": self._minutes,
            "Permit": float(self._paused_ns is None),
        }

    def _csd(self) -> Mapping[str, float]:
        return {
            "Minutes": self._minutes,
            "Energy": self._energy_J / 3.6e6,
            "ChargerNumber": float(self._rating.number),
        }

    @property
    def _minutes(self) -> float:
        if not self._begun_ns:
            return 0.0
        return float(min(600, (self._metered_ns - self._begun_ns) // (60 * NS_PER_S)))

    # -- charging -----------------------------------------------------------------------------

    def _regulate(self) -> None:
        """Give what the BMS wants, unless something is against it."""
        self._meter()
        for message, name, limit_ns in (
            ("BCL", "Bcl", self._times.bcl_ns),
            ("BCS", "Bcs", self._times.bcs_ns),
        ):
            if not self.speaker.since(message, self.clock.now_ns - limit_ns + 1):
                self._power.stop()
                raise Late(name)
        self._look_at_power_stage()
        self._look_at_permit()
        voltage_V = min(self.speaker.value("BCL", "VoltageDemand"), self._rating.max_V)
        asked_A = -self.speaker.value("BCL", "CurrentDemand")
        self._wanted_A = max(0.0, min(asked_A, self._rating.max_A, LARGEST_A))
        if self._paused_ns is not None or self._wanted_A < self._rating.min_A:
            self._wanted_A = 0.0
        if self._wanted_A > 0.0:
            self._power.give(voltage_V, self._wanted_A)
        else:
            self._power.stop()

    def _meter(self) -> None:
        now_ns = self.clock.now_ns
        watts = self._power.voltage_V * self._power.current_A
        self._energy_J += watts * (now_ns - self._metered_ns) * 1e-9
        self._metered_ns = now_ns
        self.show("energy", self._energy_J / 3600.0)

    def _look_at_permit(self) -> None:
        """A BMS may forbid charging for a while."""
        if self.speaker.value("BSM", "ChargePermit", 1.0) != 0.0:
            self._paused_ns = None
        elif self._paused_ns is None:
            self._paused_ns = self.clock.now_ns
        elif self.clock.now_ns - self._paused_ns > self._times.pause_ns:
            raise Stop(FaultStop=YES, OtherFault=YES)

    def _look_at_power_stage(self) -> None:
        """Faults of the power stage, and output that is not as wanted, end the charging."""
        power = self._power
        if power.hot:
            raise Stop(FaultStop=YES, InternalHot=YES)
        if power.without_mains:
            raise Stop(FaultStop=YES, EnergyNotDeliverable=YES)
        if power.broken or not power.has_battery:
            raise Stop(FaultStop=YES, OtherFault=YES)
        highest_V = self.speaker.value("BCP", "MaxTotalVoltage") * _OVER_V
        voltage, current = power.voltage_V > highest_V, power.current_A > self._wanted_A * _OVER + _OVER_A
        if not (voltage or current):
            self._beyond_ns = None
        elif self._beyond_ns is None:
            self._beyond_ns = self.clock.now_ns
        elif self.clock.now_ns - self._beyond_ns > self._times.patience_ns:
            raise Stop(FaultStop=YES, AbnormalVoltage=float(voltage), CurrentMismatch=float(current))

    # -- waiting ------------------------------------------------------------------------------

    def _bms_is_ready(self) -> bool:
        return self.speaker.value("BRO", "Ready") == READY

    def _look_for_bro(self) -> None:
        self._must_go_on("BRO", self._times.bro_ns, "Bro")

    def _look_at_peer(self, *, stops: bool) -> None:
        if stops:
            self._look_for_stop()
        if self.has("BEM"):
            raise PeerError

    def _look_for_stop(self) -> None:
        if self.has("BST"):
            raise Stop(BmsStopped=YES)
        if self.read("emergency") >= 0.5:
            raise Stop(FaultStop=YES, EmergencyStop=YES)
        if self.read("stop") >= 0.5:
            raise Stop(ManualStop=YES)
