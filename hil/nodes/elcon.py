"""A charger of Elcon/TC: told once a second, it stops five seconds after the last command.

Layouts: ``dbc/charger_elcon.dbc``. It takes a command as it comes, and by itself goes on after a
silence with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from hil.bell import Steps
from hil.clock import NS_PER_S, VirtualClock
from hil.nodes.machine import Machine
from hil.nodes.power import PowerStage
from hil.nodes.speaker import Speaker

TIMEOUT_NS = 5 * NS_PER_S  # CAN1430 and the other layouts of TC


class State(IntEnum):
    """What it does."""

    STANDBY = 0  # told to stop, or never told anything
    CHARGING = 1
    TIMEOUT = 2


class Elcon(Machine):
    """The charger's controller.

    Args:
        name: In the rig file.
        clock: The one time line.
        speaker: Its place on the bus.
        power: Its power stage.
    """

    states = State

    def __init__(self, name: str, clock: VirtualClock, speaker: Speaker, power: PowerStage) -> None:
        super().__init__(name, clock, speaker)
        self._power = power

    def live(self) -> Steps:
        """Obey each command; stop without any."""
        for message, values in self.messages_of(State.STANDBY).items():
            self.speaker.repeat(message, values)
        while True:
            self.speaker.forget("ELCON_Command")
            told = yield from self.until(lambda: self.speaker.heard("ELCON_Command") is not None, TIMEOUT_NS)
            if told:
                self._obey_command()
            else:
                self._power.stop()
                self.enter(State.TIMEOUT)

    def leave(self) -> None:
        """No output."""
        self._power.stop()

    def must_be_silent(self) -> bool:
        """A power stage whose controller is dead cannot speak."""
        return not self._power.talking

    def messages_of(self, state: IntEnum) -> Mapping[str, Callable[[], Mapping[str, float]]]:  # noqa: ARG002
        """It always says the same message."""
        return {"ELCON_Status": self._status}

    def _obey_command(self) -> None:
        value = self.speaker.value
        if value("ELCON_Command", "Control") == 0.0:
            self._power.give(value("ELCON_Command", "VoltageMax"), value("ELCON_Command", "CurrentMax"))
            self.enter(State.CHARGING)
        else:
            self._power.stop()
            self.enter(State.STANDBY)

    def _status(self) -> Mapping[str, float]:
        power = self._power
        return {
            "Voltage": power.voltage_V,
            "Current": power.current_A,
            "HardwareFailure": float(power.broken),
            "OverTemperature": float(power.hot),
            "InputVoltageWrong": float(power.without_mains),
            "NoBattery": float(not power.has_battery),
            "CommunicationTimeout": float(self.state is State.TIMEOUT),
        }
