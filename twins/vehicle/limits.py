"""What a battery-management system would allow, where a run has none: limits of current that fade.

The fades are straight lines; their corners are the vehicle's ``[bms]`` section.
"""

from dataclasses import dataclass

from twins.pack import Pack
from twins.vehicle.parameters import VehicleParameters


@dataclass(frozen=True)
class Allowed:
    """Limits at an instant, all positive: currents in A, terminal voltages in V."""

    discharge_A: float
    charge_A: float
    low_V: float
    high_V: float


class StandInBms:
    """Looks at the pack now and then, and says what it may be asked for."""

    def __init__(self, vehicle: VehicleParameters, pack: Pack) -> None:
        self._vehicle = vehicle
        self._pack = pack
        self._discharge_A = vehicle["bms.discharge"] * pack.capacity_Ah
        self._charge_A = vehicle["bms.charge"] * pack.capacity_Ah

    def look(self) -> Allowed:
        """What is allowed from now on."""
        vehicle, pack = self._vehicle, self._pack
        soc, degC = pack.soc, pack.temperatures_degC
        hot = fade(float(degC.max()), vehicle["bms.hot"], vehicle["bms.warm"])
        cold = fade(float(degC.min()), vehicle["bms.cold"], vehicle["bms.cold"] + 5.0)
        low = fade(float(soc.min()), vehicle["bms.empty"], vehicle["bms.low"])
        high = fade(float(soc.max()), 1.0, vehicle["bms.high"])
        low_V, high_V = self._window()
        discharge_A, charge_A = self._discharge_A * min(hot, low), self._charge_A * min(hot, high, cold)
        return Allowed(discharge_A, charge_A, low_V, high_V)

    def _window(self) -> tuple[float, float]:
        """Terminal voltages at which the weakest and the fullest cell reach their window."""
        volts, series = self._pack.cell_voltages(), self._pack.config.series
        lowest, highest = self._pack.window_V
        mean = float(volts.mean())
        return series * (lowest + mean - float(volts.min())), series * (highest + mean - float(volts.max()))


def fade(at: float, nothing: float, everything: float) -> float:
    """0 at ``nothing``, 1 at ``everything``, a straight line between, whichever is higher."""
    return min(max((at - nothing) / (everything - nothing), 0.0), 1.0)
