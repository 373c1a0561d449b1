"""An induction motor with its inverter: what the C core needs to know of it.

A motor is scaled from per-unit values (``parameters/per-unit.toml``) to a drive's power, torque and
link, or given in ohms and henries. The equations stand in ``induction.c`` and docs/vehicles.md.
"""

import tomllib
from dataclasses import astuple, dataclass
from importlib.resources import files
from math import pi, sqrt
from typing import Any, Final

import numpy as np

from twins.drive import _drive
from twins.quantity import ParameterError, Rule, quantity

Array = np.ndarray[Any, np.dtype[np.float64]]

_RULES: Final = {
    "motor.stator_resistance": Rule("ratio", 0.0, 1.0),
    "motor.rotor_resistance": Rule("ratio", 0.0, 1.0),
    "motor.stator_leakage": Rule("ratio", 0.0, 1.0),
    "motor.rotor_leakage": Rule("ratio", 0.0, 1.0),
    "motor.magnetising": Rule("ratio", 0.0, 20.0),
    "motor.power_factor": Rule("ratio", 0.0, 1.0),
    "motor.flux": Rule("ratio", 0.0, 2.0),
    "motor.overload": Rule("ratio", 0.0, 10.0),
    "motor.iron": Rule("ratio", 0.0, 0.2, open_below=False),
    "control.current_loop": Rule("angular speed", 0.0, 1e5),
    "control.flux_gain": Rule("ratio", 0.0, 100.0, open_below=False),
    "control.voltage_share": Rule("ratio", 0.0, 1.0),
    "inverter.device_voltage": Rule("ratio", 0.0, 0.2, open_below=False),
    "inverter.device_resistance": Rule("ratio", 0.0, 0.2, open_below=False),
    "inverter.link_capacitance": Rule("ratio", 0.0, 100.0),
    "inverter.switching": Rule("frequency", 0.0, 1e6),
}
_BASE_rad_s: Final = 2.0 * pi * 60.0  # slower shafts get more poles


@dataclass(frozen=True)
class InductionMotor:
    """In the order of ``induction_type``; all as seen from the stator.

    Attributes:
        flux_Wb: Of the rotor, below base speed.
        current_A: Most stator current, amplitude.
        loop_rad_s: Bandwidth of the current loops.
        flux_gain: The flux settles in the rotor's time constant over one more than this.
        voltage_share: Of link / sqrt(3), the linear range of space-vector modulation.
        iron_W_V2: Iron loss over the square of electrical speed times flux.
        device_V: Inverter loss for each ampere of amplitude; ``device_Ohm``: and its square.
    """

    rs_Ohm: float
    rr_Ohm: float
    lm_H: float
    lls_H: float
    llr_H: float
    pole_pairs: float
    flux_Wb: float
    current_A: float
    loop_rad_s: float
    flux_gain: float
    voltage_share: float
    iron_W_V2: float
    device_V: float
    device_Ohm: float
    link_F: float
    switching_Hz: float

    def __post_init__(self) -> None:
        may_be_zero = {"flux_gain", "iron_W_V2", "device_V", "device_Ohm"}
        for name, value in vars(self).items():
            good = value >= 0.0 if name in may_be_zero else value > 0.0
            if not good or value == float("inf"):
                raise ValueError(f"{name}: must be positive and finite, not {value!r}")

    @property
    def rotor_s(self) -> float:
        """Time constant of the rotor, Lr / Rr."""
        return (self.lm_H + self.llr_H) / self.rr_Ohm

    @property
    def transient_H(self) -> float:
        """Transient inductance, sigma Ls."""
        return self.lm_H + self.lls_H - self.lm_H**2 / (self.lm_H + self.llr_H)

    def torque_per_A(self, flux_Wb: float) -> float:
        """Torque over the torque component of the current, at a flux."""
        return 1.5 * self.pole_pairs * self.lm_H / (self.lm_H + self.llr_H) * flux_Wb

    def block(self) -> list[float]:
        """An ``induction_type`` of induction.h."""
        return [float(value) for value in astuple(self)]


def scaled(power_W: float, torque_Nm: float, link_V: float) -> InductionMotor:
    """A motor for a drive: its most power and torque, and the link's usual voltage.

    Raises:
        ValueError: one of them is not positive.
    """
    for name, value in (("power_W", power_W), ("torque_Nm", torque_Nm), ("link_V", link_V)):
        if not 0.0 < value < float("inf"):
            raise ValueError(f"{name}: must be positive, not {value!r}")
    pu = _per_unit()
    base_rad_s = power_W / torque_Nm
    pole_pairs = max(2, round(_BASE_rad_s / base_rad_s))
    electric_rad_s = pole_pairs * base_rad_s
    continuous_W = power_W / pu["motor.overload"]
    apparent_VA = continuous_W / pu["motor.power_factor"]
    base_Ohm = 0.5 * link_V**2 / apparent_VA
    base_H = base_Ohm / electric_rad_s
    lm_H, lls_H = pu["motor.magnetising"] * base_H, pu["motor.stator_leakage"] * base_H
    phase_V = link_V / sqrt(3.0)
    flux_Wb = pu["motor.flux"] * phase_V / electric_rad_s * lm_H / (lm_H + lls_H)
    llr_H = pu["motor.rotor_leakage"] * base_H
    iq_A = torque_Nm / (1.5 * pole_pairs * lm_H / (lm_H + llr_H) * flux_Wb)
    return InductionMotor(
        rs_Ohm=pu["motor.stator_resistance"] * base_Ohm,
        rr_Ohm=pu["motor.rotor_resistance"] * base_Ohm,
        lm_H=lm_H,
        lls_H=lls_H,
        llr_H=llr_H,
        pole_pairs=float(pole_pairs),
        flux_Wb=flux_Wb,
        current_A=1.05 * sqrt(iq_A**2 + (flux_Wb / lm_H) ** 2),  # the torque, and 5 % for the loops
        loop_rad_s=pu["control.current_loop"],
        flux_gain=pu["control.flux_gain"],
        voltage_share=pu["control.voltage_share"],
        iron_W_V2=pu["motor.iron"] * continuous_W / (electric_rad_s * flux_Wb) ** 2,
        device_V=pu["inverter.device_voltage"] * phase_V,
        device_Ohm=pu["inverter.device_resistance"] * base_Ohm,
        link_F=pu["inverter.link_capacitance"] * apparent_VA / (link_V**2 * electric_rad_s),
        switching_Hz=pu["inverter.switching"],
    )


def _per_unit() -> dict[str, float]:
    path = files("twins") / "drive" / "parameters" / "per-unit.toml"
    data = tomllib.loads(path.read_text("utf-8"))
    found = {}
    for key, rule in _RULES.items():
        section, _, name = key.partition(".")
        if name not in data.get(section, {}):
            raise ParameterError(f"{path}: {key}: is missing")
        found[key] = quantity(data[section][name], key, rule, path).value
    return found


@dataclass(frozen=True)
class Envelope:
    """What a drive's control asks of its motor at most, and how fast. SI units.

    Attributes:
        power_W: At the shaft while it drives; ``regen_W``: while it brakes.
        speed_rad_s: Above it there is no torque.
        rise_s: From no torque to the most.
        idle_W: Control, gate drivers, pump.
    """

    torque_Nm: float
    power_W: float
    regen_W: float
    speed_rad_s: float
    rise_s: float
    idle_W: float


def drive_block(envelope: Envelope, motor: InductionMotor) -> Array:
    """A ``drive_type`` of drive.h with this motor."""
    e = envelope
    head = [e.torque_Nm, e.power_W, e.regen_W, e.speed_rad_s, e.torque_Nm / e.rise_s, e.idle_W]
    block = np.array([*head, 0.0, 0.0, 0.0, 1.0, *motor.block()])
    if block.size != _drive.TYPE_SIZE:
        raise RuntimeError(f"a drive type has {_drive.TYPE_SIZE} doubles, not {block.size}")
    return block
