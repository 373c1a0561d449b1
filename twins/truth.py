"""The truth as ports: what is so in pack and circuit, whatever the sensors say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twins.circuit import Circuit
from twins.contactor import Contactor
from twins.fuse import Fuse
from twins.pack import Pack
from twins.port import Port, Truth

if TYPE_CHECKING:
    from twins.plant import Plant

Getter = Callable[[], float]
Setter = Callable[[float], None]
_Row = tuple[str, str, float, float, Getter, Setter | None]


def truth_ports(plant: Plant) -> list[Port]:
    """Ports of the truth, worked out when they are read; what is set brings the physics up to date first."""
    pack, circuit = plant.pack, plant.circuit
    rows = [*_pack_rows(pack, circuit), *_circuit_rows(plant), *_group_rows(pack, circuit)]
    bank = Truth([row[4] for row in rows])
    return [
        Port(name, unit, bank, index, low, high, "in" if setter else "out", _after(plant.sync, setter))
        for index, (name, unit, low, high, _, setter) in enumerate(rows)
    ]


def group_voltages(pack: Pack, circuit: Circuit) -> list[float]:
    """Voltage of each group at the circuit's current of this instant, in V."""
    pack.current_A = circuit.pack_A
    return list(pack.cell_voltages().tolist())


def _after(touch: Callable[[], None], setter: Setter | None) -> Setter | None:
    if setter is None:
        return None

    def touch_and_set(value: float) -> None:
        touch()
        setter(value)

    return touch_and_set


def _pack_rows(pack: Pack, circuit: Circuit) -> list[_Row]:
    def set_ambient(value: float) -> None:
        pack.ambient_degC = value

    high_V = 5.0 * pack.config.series
    return [
        (
            "pack.voltage", "V", 0, high_V,
            lambda: pack.emf_V - pack.resistance_Ohm * circuit.pack_A, None,
        ),
        ("pack.current", "A", -1e5, 1e5, lambda: circuit.pack_A, None),
        ("link.voltage", "V", 0, high_V, lambda: circuit.link_V, None),
        ("pack.soc", "", 0, 1, lambda: pack.mean_soc, pack.set_soc),
        ("pack.capacity", "Ah", 0, 1e6, lambda: pack.capacity_Ah, None),
        ("pack.soc_min", "", 0, 1, lambda: float(pack.soc.min()), None),
        ("pack.soc_max", "", 0, 1, lambda: float(pack.soc.max()), None),
        (
            "pack.temperature", "degC", -60, 150,
            lambda: float(pack.temperatures_degC.mean()), pack.set_temperature,
        ),
        ("ambient.temperature", "degC", -60, 150, lambda: pack.ambient_degC, set_ambient),
    ]  # fmt: skip


def _circuit_rows(plant: Plant) -> list[_Row]:
    circuit, isolation, resistor = plant.circuit, plant.isolation, plant.circuit.resistor
    high_V = 5.0 * plant.pack.config.series
    rows: list[_Row] = [
        ("pack.terminal_voltage", "V", 0, high_V, lambda: circuit.terminal_V, None),
        ("precharge.temperature", "degC", -60, 2000, lambda: resistor.temperature_degC, None),
        ("precharge.allowed_power", "W", 0, 1e6, lambda: resistor.allowed_W, None),
        ("precharge.burnt", "", 0, 1, lambda: float(resistor.burnt), None),
        (
            "chassis.voltage", "V", 0, high_V,
            lambda: isolation.chassis_share * circuit.terminal_V, None,
        ),
        ("chassis.current", "A", 0, 1e6, lambda: isolation.across_S * circuit.terminal_V, None),
    ]  # fmt: skip
    for contactor in plant.contactors.values():
        rows += _contactor_rows(contactor)
    if circuit.fuse is not None:
        rows += _fuse_rows(circuit.fuse)
    if plant.inlet is not None:
        inlet = plant.inlet
        rows.append(("inlet.voltage", "V", 0, high_V, lambda: inlet.link_V, None))
    return rows


def _contactor_rows(contactor: Contactor) -> list[_Row]:
    name = f"contactor.{contactor.name}"
    return [
        (f"{name}.openings_under_load", "", 0, 1e9, lambda: float(contactor.openings_under_load), None),
        (f"{name}.arc_energy", "J", 0, 1e9, lambda: contactor.arc_J, None),
        (f"{name}.welded", "", 0, 1, lambda: float(contactor.welded), None),
    ]


def _fuse_rows(fuse: Fuse) -> list[_Row]:
    return [
        ("fuse.blown", "", 0, 1, lambda: float(fuse.blown), None),
        ("fuse.melted", "", 0, 1, lambda: fuse.melted, None),
    ]


def _group_rows(pack: Pack, circuit: Circuit) -> list[_Row]:
    rows: list[_Row] = []
    for group in range(pack.groups):
        rows += _rows_of(pack, circuit, group)
    return rows


def _rows_of(pack: Pack, circuit: Circuit, group: int) -> list[_Row]:
    """The rows of one group, numbered from 1 in names; its cells lie ``groups`` apart."""
    cells = slice(group, None, pack.groups)
    number = f"[{group + 1}]"
    return [
        (
            f"pack.cell_voltage{number}", "V", -10, 10,
            lambda: group_voltages(pack, circuit)[group], None,
        ),
        (
            f"pack.cell_soc{number}", "", 0, 1,
            lambda: float(pack.soc[cells].mean()), lambda value: pack.set_soc(value, group),
        ),
        (
            f"pack.cell_temperature{number}", "degC", -60, 150,
            lambda: float(pack.temperatures_degC[cells].mean()),
            lambda value: pack.set_temperature(value, group),
        ),
    ]  # fmt: skip
