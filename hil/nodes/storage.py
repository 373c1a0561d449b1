"""An inverter of a stationary storage, as the battery hears it: Pylontech's frames, or SMA's and Victron's.

Layouts: ``dbc/storage_pylontech.dbc`` and ``dbc/storage_sma_victron.dbc``. The battery says what may be
done; the inverter says that it is there. While there is a grid it charges; without one it carries the
load, within what the battery allows. Its charging side is the twins' charger, its discharging side
the twins' drive, told a current.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from hil.bell import Steps
from hil.clock import NS_PER_S, VirtualClock
from hil.nodes.machine import LOOK_NS, Machine
from hil.nodes.power import PowerStage
from hil.nodes.speaker import Speaker
from twins.port import Port
from twins.storage import InverterConfig

TIMEOUT_NS = 5 * NS_PER_S  # provisional: five of Pylontech's periods; makers give 1 s to a minute
_CURRENT_STEP_A = 0.1  # of the frames: a limit is as coarse


class State(IntEnum):
    """What it does."""

    WAITING = 0  # no battery has said anything
    STANDBY = 1  # the battery allows nothing, or there is nothing to do
    CHARGING = 2
    BACKUP = 3  # no grid: it carries the load
    OVERLOAD = 4  # the load is more than inverter or battery may give
    SILENT = 5  # the battery says nothing any more


@dataclass(frozen=True)
class Dialect:
    """What differs between the makers.

    Attributes:
        alive: The message that the inverter sends.
        enables: Whether the battery says by flags that it may be charged and discharged.
    """

    alive: str
    enables: bool


PYLONTECH = Dialect("InverterAlive", enables=True)
SMA_VICTRON = Dialect("InverterMeasurements", enables=False)


class DcSide:
    """The inverter's battery side, by ports of the twins.

    It lets go of the drive's ports where it does not discharge: a test may use them.
    """

    def __init__(self, ports: Mapping[str, Port], power: PowerStage) -> None:
        self._ports, self._power = ports, power
        self._discharging = False

    def connect(self) -> None:
        """It is wired for good: nobody pulls a plug."""
        self._ports["charger.plugged"].write(1.0)

    def charge(self, voltage_V: float, current_A: float) -> None:
        """Charge, and discharge no more."""
        self._release()
        self._power.give(voltage_V, current_A)

    def discharge(self, current_A: float) -> None:
        """Discharge, and charge no more."""
        self._power.stop()
        self._discharging = True
        self._draw(current_A)

    def stop(self) -> None:
        """Neither."""
        self._power.stop()
        self._release()

    def _release(self) -> None:
        if self._discharging:
            self._discharging = False
            self._draw(0.0)

    def _draw(self, current_A: float) -> None:
        self._ports["drive.enable"].write(float(current_A > 0.0))
        self._ports["drive.current_request"].write(current_A)

    @property
    def voltage_V(self) -> float:
        """At its battery terminals."""
        return self._ports["drive.dc_voltage"].value

    @property
    def current_A(self) -> float:
        """Into the battery, > 0 charges."""
        return self._power.current_A - self._ports["drive.dc_current"].value


class StorageInverter(Machine):
    """The inverter's controller.

    Ports: ``grid_lost`` and ``load`` (AC, in W) come from the test; ``supplied`` says whether the load has
    power.

    Args:
        name: In the rig file.
        clock: The one time line.
        speaker: Its place on the bus.
        side: Its battery side.
        dialect: Whose frames it speaks.
        config: Its size and losses.
    """

    states = State
    inputs = (("grid_lost", 0.0, 1.0), ("load", 0.0, 1e7))
    outputs = (("supplied", 0.0, 1.0),)

    def __init__(
        self,
        name: str,
        clock: VirtualClock,
        speaker: Speaker,
        side: DcSide,
        dialect: Dialect,
        config: InverterConfig | None = None,
    ) -> None:
        super().__init__(name, clock, speaker)
        self._side, self._dialect = side, dialect
        self._config = config or InverterConfig()

    def live(self) -> Steps:
        """Say that it is there; look at the battery's frames, the grid and the load."""
        self._side.connect()
        for message, values in self.messages_of(State.WAITING).items():
            self.speaker.repeat(message, values)
        while True:
            self._act(self._decide())
            yield from self.speaker.bell.wait(self.clock.now_ns + LOOK_NS)

    def leave(self) -> None:
        """No current either way."""
        self._side.stop()

    def messages_of(self, state: IntEnum) -> Mapping[str, Callable[[], Mapping[str, float]] | None]:  # noqa: ARG002
        """It always says the same message."""
        return {self._dialect.alive: None if self._dialect is PYLONTECH else self._measurements}

    def _measurements(self) -> Mapping[str, float]:
        value = self.speaker.value
        return {
            "Voltage": self._side.voltage_V,
            "Current": self._side.current_A,
            "Temperature": value("Measurements", "Temperature", 0.0),
            "Soc": value("State", "Soc", 0.0),
        }

    def _decide(self) -> State:
        heard = self.speaker.heard("Limits")
        if heard is None:
            return State.WAITING
        if self.clock.now_ns - heard.at_ns > TIMEOUT_NS:
            return State.SILENT
        if self.read("grid_lost") >= 0.5:
            return self._without_grid()
        may = self._allowed("ChargeEnable") and self._limit("ChargeCurrent") >= _CURRENT_STEP_A
        return State.CHARGING if may else State.STANDBY

    def _without_grid(self) -> State:
        most_A = self._limit("DischargeCurrent")
        low_V = self._limit("DischargeVoltage")
        if not self._allowed("DischargeEnable") or most_A < _CURRENT_STEP_A or self._side.voltage_V < low_V:
            return State.STANDBY
        too_much = self.read("load") > self._config.rated_W or self._needed_A() > most_A
        return State.OVERLOAD if too_much else State.BACKUP

    def _allowed(self, flag: str) -> bool:
        return not self._dialect.enables or self.speaker.value("Requests", flag, 0.0) >= 0.5

    def _limit(self, signal: str) -> float:
        return max(0.0, self.speaker.value("Limits", signal, 0.0))

    def _needed_A(self) -> float:
        """Battery current of the load."""
        return self._config.dc_W(self.read("load")) / max(self._side.voltage_V, 1.0)

    def _act(self, state: State) -> None:
        if state is State.CHARGING:
            self._side.charge(self._limit("ChargeVoltage"), self._limit("ChargeCurrent"))
        elif state is State.BACKUP:
            self._side.discharge(self._needed_A())
        else:
            self._side.stop()
        grid = self.read("grid_lost") < 0.5
        self.show("supplied", float(grid or state is State.BACKUP))
        if state is not self.state:
            self.enter(state)
