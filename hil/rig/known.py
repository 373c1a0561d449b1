"""What the suite knows by name, and what each measures. A rig file may say more, for tests of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.units import KINDS, kind_of

if TYPE_CHECKING:
    from hil.rig.roles import Role
    from hil.rig.schema import RigConfig

LIMITS: Mapping[str, str] = {  # kind of the levels; "" where there are none
    **dict.fromkeys(("cell_overvoltage", "cell_undervoltage", "deep_discharge", "balancing"), "voltage"),
    **dict.fromkeys(("pack_overvoltage", "pack_undervoltage", "charge"), "voltage"),
    **dict.fromkeys(("overcurrent_charge", "overcurrent_discharge"), "current"),
    **dict.fromkeys(("charge_current", "discharge_current"), "current"),
    **dict.fromkeys(("overtemperature_charge", "overtemperature_discharge"), "temperature"),
    **dict.fromkeys(("undertemperature_charge", "undertemperature_discharge"), "temperature"),
    **dict.fromkeys(("cooling", "thermal_runaway"), "temperature"),
    **dict.fromkeys(("temperature_rise", "temperature_spread"), "temperature difference"),
    "isolation": "resistance",
    **dict.fromkeys(("accuracy_cell_voltage", "accuracy_pack_voltage", "accuracy_estimated_voltage"), ""),
    **dict.fromkeys(("accuracy_current", "accuracy_isolation", "accuracy_soc", "accuracy_temperature"), ""),
    **dict.fromkeys(("cell_sensor", "temperature_sensor", "current_sensor", "voltage_plausibility"), ""),
    **dict.fromkeys(("contactor_feedback", "contactor_weld", "precharge", "interlock", "charger"), ""),
    **dict.fromkeys(("startup", "standby", "supply_loss", "crash", "cycle", "frame_timeout", "e2e"), ""),
}
ROLES: Mapping[str, str] = {  # kind, "" for any; without the numbers of arrays, DTCs and nodes
    **dict.fromkeys(("cell.voltage", "cell.voltage_max", "cell.voltage_min"), "voltage"),
    **dict.fromkeys(("cell.voltage_max_cell", "cell.voltage_min_cell"), ""),
    **dict.fromkeys(("cell.temperature", "cell.temperature_max", "cell.temperature_min"), "temperature"),
    "cell.temperature_mean": "temperature",
    **dict.fromkeys(("cell.temperature_max_sensor", "cell.temperature_min_sensor"), ""),
    **dict.fromkeys(("measured.pack_voltage", "measured.link_voltage"), "voltage"),
    "measured.current": "current",
    **dict.fromkeys(("measured.isolation_plus", "measured.isolation_minus"), "resistance"),
    "estimated.pack_voltage": "voltage",
    **dict.fromkeys(("limit.charge_current", "limit.discharge_current", "charger.current"), "current"),
    "charger.voltage": "voltage",
    "soc": "ratio",
    **dict.fromkeys(("state", "uptime", "fault", "warning", "first_fault", "charge_complete"), ""),
    **dict.fromkeys(("contactor.*", "dtc.*", "balancing", "balancing_active", "derating", "cooling"), ""),
    **dict.fromkeys(("charger.control", "alarm.thermal_runaway"), ""),
    **{f"{sign}.{name}": "" for name in (*LIMITS, "internal") for sign in ("fault", "warning")},
}
_NO_UNIT = ("", "-", "1")
_SHOWN = {"ratio": "%"}
_INDEX = re.compile(r"\[\d+\]$")
_NEEDED = {  # what most of the suite stands on
    "state": "no test can be run without it, as none knows what the BMS does",
    "contactor.main_plus": "no test can see the contactors open",
}


def check_roles(roles: Mapping[str, Role], mistakes: Mistakes) -> None:
    """A role that the suite knows is at a signal of its kind, if the DBC file gives that a unit."""
    told: set[str] = set()
    for member, role in roles.items():
        name = _INDEX.sub("", member)
        wanted, found = ROLES.get(name, ""), kind_of(role.unit)
        if wanted and role.unit not in _NO_UNIT and found not in ("", wanted) and name not in told:
            told.add(name)
            reason = f"{role.message}.{role.signal} is in {role.unit!r}, no {wanted}"
            remedy = f"a signal in {_SHOWN.get(wanted, KINDS[wanted].base)}, or leave this role out"
            mistakes.add(dotted("roles", name), reason, remedy)


def remarks(rig: RigConfig) -> Iterator[str]:
    """What is no mistake, but leaves tests out without the rig file saying so; a line for each."""
    yield from _missing(rig)
    yield from _strangers(rig)


def _missing(rig: RigConfig) -> Iterator[str]:
    for name, without in _NEEDED.items():
        if name not in rig.roles:
            yield f"roles: {name!r} is missing: {without}"
    if "mode" not in rig.requests:
        yield "requests: 'mode' is missing: no test can ask the BMS to operate"
    if not any(wire.port.startswith("cell_monitor.voltage[") for wire in rig.wires):
        yield "wires: no cell voltage is wired: the BMS sees no cells"


def _strangers(rig: RigConfig) -> Iterator[str]:
    for name in dict.fromkeys(_INDEX.sub("", name) for name in rig.roles):
        if _is_strange(name):
            yield f"roles.{_quoted(name)}: the suite knows no such role ({suggest(name, ROLES, 'it knows')})"
    for name in rig.limits:
        if name not in LIMITS:
            yield f"limits.{name}: the suite knows no such limit ({suggest(name, LIMITS, 'it knows')})"


def _is_strange(name: str) -> bool:
    """A flag of a BMS's own is looked at, too: only what is nearly a name of the suite's is strange."""
    if name.startswith(("fault.", "warning.")):
        return name not in ROLES and bool(get_close_matches(name, ROLES, n=1, cutoff=0.9))
    return not any(fnmatchcase(name, known) for known in ROLES)


def _quoted(name: str) -> str:
    return f'"{name}"' if "." in name else name
