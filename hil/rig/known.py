"""What the suite knows by name, and what each measures. A rig file may say more, for tests of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase

from hil.units import KINDS

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
EXTRA: Mapping[str, tuple[str, ...]] = {  # what the suite reads in `extra`
    "accuracy_cell_voltage": ("between",),
    "accuracy_current": ("offset",),
    "accuracy_soc": ("rest", "first_within"),
    "balancing": ("start", "stop", "above_min", "hottest"),
    "charge": ("current", "end_current", "end_cell", "flows_within"),
    "charge_current": ("offset", "warning_after"),
    "charger": ("offset", "flag_within", "no_battery", "no_current", "asked", "standby_within"),
    "current_sensor": ("voltage_within", "open_current", "open_within"),
    "cycle": ("jitter", "beyond"),
    "discharge_current": ("offset", "warning_after"),
    "frame_timeout": ("offered", "no_voltage", "no_temperature"),
    "isolation": ("valid_within", "first_within"),
    "precharge": ("done", "short", "short_after"),
    "temperature_sensor": ("first_within",),
}
RETIRED: Mapping[tuple[str, str], str] = {  # numbers of `extra` that no test reads any more: what says it now
    ("discharge_current", "derate_soc"): 'curve = { soc = [["2 %", "0 %"], ["10 %", "100 %"]] }',
    ("discharge_current", "zero_soc"): 'curve = { soc = [["2 %", "0 %"], ["10 %", "100 %"]] }',
    ("charge_current", "derate_soc"): 'curve = { soc = [["95 %", "100 %"], ["100 %", "10 %"]] }',
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


CONTACTORS = ("main_plus", "main_minus", "precharge")
_CONTACTORS = tuple(f"contactor.{name}" for name in CONTACTORS)
FLAGS = (
    "fault", "warning", "fault.*", "warning.*", "alarm.*", "charge_complete", "derating", "cooling",
    "balancing", "balancing_active",
)  # fmt: skip
VALUES: Mapping[str, tuple[str, ...]] = {  # names that tests ask for; a BMS need not have all of them
    "state": ("init", "standby", "precharge", "operate", "charge", "fault"),
    "mode": ("standby", "operate", "charge"),
    "charger.control": ("charge", "stop"),
}
REQUESTS = ("mode", "reset", "crash")  # what tests ask of a BMS
_SHOWN = {"ratio": "%"}  # a state of charge is told in percent
_INDEX = re.compile(r"\[\d+\]$")


def names_in(role: str) -> tuple[str, ...]:
    """The names of 0 and 1 in tests, for a role that is either of two; none for any other role."""
    name = array_of(role)
    if name in _CONTACTORS:
        return ("open", "closed")
    return ("clear", "set") if any(fnmatchcase(name, known) for known in FLAGS) else ()


def unit_in(role: str) -> str:
    """The unit that tests have a role's numbers in; "" where it has none, or the suite does not know it."""
    kind = ROLES.get(array_of(role), "")
    return _SHOWN.get(kind, KINDS[kind].base) if kind else ""


def array_of(name: str) -> str:
    """The array that a role is a member of: ``cell.voltage[7]`` is one of ``cell.voltage``; else the name."""
    return _INDEX.sub("", name)


def is_strange(name: str) -> bool:
    """A flag of a BMS's own is looked at, too: only what is nearly a name of the suite's is strange."""
    if name.startswith(("fault.", "warning.")):
        return name not in ROLES and bool(get_close_matches(name, ROLES, n=1, cutoff=0.9))
    return not any(fnmatchcase(name, known) for known in ROLES)


def is_known(role: str) -> bool:
    """Whether a test of the suite asks for such a role: that a BMS has none is no slip of the pen."""
    return array_of(role) in ROLES or role in _CONTACTORS
