"""The plant's sections of a rig file: their keys are the fields of the twins' configurations.

A field's suffix says its unit: ``precharge_Ohm`` is ``precharge = "50 Ohm"``, ``closing_ns`` is
``closing = "30 ms"``. A field without a suffix is a number, a text or a ratio (``soc = 0.6`` or
``"60 %"``).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Annotated, Any, Protocol, get_type_hints

from pydantic import ValidationError, create_model

from hil.clock import VirtualClock
from hil.rig.fields import quantity
from hil.rig.file import RigFile, Section, note
from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.units import value_of, written_ns
from twins.charger_presets import PRESETS
from twins.config import (
    ChargerConfig,
    ContactorConfig,
    DriveConfig,
    FuseConfig,
    LinkConfig,
    LoadConfig,
    PackConfig,
    PlantConfig,
    SensorConfig,
    SupplyConfig,
    VehicleConfig,
)
from twins.plant import Plant

_KIND_OF_SUFFIX = {
    "V": "voltage",
    "A": "current",
    "Ohm": "resistance",
    "F": "capacitance",
    "Ah": "charge",
    "W": "power",
    "J": "pulse energy",
    "A2s": "melting integral",
    "Nm": "torque",
    "rpm": "speed",
    "degC": "temperature",
    "K": "temperature difference",
}
_FIELD = re.compile(r"[A-Za-z_.]+")
SECTIONS: dict[str, tuple[str, type[Any]]] = {  # section -> field of PlantConfig and its type
    "pack": ("pack", PackConfig),
    "contactors": ("contactor", ContactorConfig),
    "link": ("link", LinkConfig),
    "sensors": ("sensors", SensorConfig),
    "charger": ("charger", ChargerConfig),
    "drive": ("drive", DriveConfig),
}
_PRESETS: dict[str, Mapping[str, Any]] = {"charger": PRESETS}  # whole configurations by name


OPTIONAL: dict[str, type[Any]] = {  # not there if not given
    "fuse": FuseConfig,
    "supply": SupplyConfig,
    "vehicle": VehicleConfig,
}
_PARAMETER_FILES = {"pack": "cell", "vehicle": "name"}  # section -> the key that may name one
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class PortLike(Protocol):
    """What a wire is checked against."""

    unit: str
    minimum: float
    maximum: float
    direction: Any


def keys_of(config: type[Any]) -> dict[str, tuple[str, Any]]:
    """Key in the rig file -> field of a twin's configuration, and how its value is read."""
    hints = get_type_hints(config)
    return {
        key: (field.name, reader)
        for field in dataclasses.fields(config)
        for key, reader in (_key(field.name, hints[field.name]),)
    }


def _key(field: str, hint: Any) -> tuple[str, Any]:
    stem, _, suffix = field.rpartition("_")
    if suffix == "ns":
        return stem, Annotated[int, quantity(written_ns)]
    if suffix == "s" and stem:
        return stem, Annotated[float, quantity(lambda value: written_ns(value) / 1e9)]
    if suffix in _KIND_OF_SUFFIX:
        kind = _KIND_OF_SUFFIX[suffix]
        stem = f"{stem}_{kind}" if stem in ("max", "min") else stem  # max_V: max_voltage
        return stem, Annotated[float, quantity(lambda value: value_of(value, kind))]
    if hint is float:
        return field, Annotated[float, quantity(lambda value: value_of(value, "ratio"))]
    return field, hint


def plant_config(file: RigFile, mistakes: Mistakes, charger: str | None = None) -> PlantConfig | None:
    """The plant of a rig file; ``None`` if something in it is wrong.

    Args:
        file: The rig file.
        mistakes: Where mistakes go.
        charger: The charger's preset, if ``[charger]`` itself names none.
    """
    parts: dict[str, Any] = {}
    for section, (field, config) in SECTIONS.items():
        if section not in mistakes.broken:
            data = getattr(file, section)
            if section == "charger" and charger is not None:
                data = {"preset": charger, **data}
            parts[field] = _section(section, config, _found_beside(section, data, mistakes), mistakes)
    parts |= _optional(file, mistakes)
    if any(part is None for part in parts.values()) or len(mistakes.broken & SECTIONS.keys()):
        return None
    if file.rig is not None and file.rig.step is not None:
        parts["step_ns"] = file.rig.step
    try:
        return PlantConfig(**parts)
    except ValueError as error:
        _note_value_error(error, "", mistakes)
        return None


def _optional(file: RigFile, mistakes: Mistakes) -> dict[str, Any]:
    """What a plant has only if the rig file says so; ``None`` for what is wrong."""
    given = [name for name in OPTIONAL if name in file.model_fields_set | mistakes.broken]
    data = {name: _found_beside(name, getattr(file, name), mistakes) for name in given}
    parts = {name: _section(name, OPTIONAL[name], data[name], mistakes) for name in given}
    return parts | {"loads": _loads(file, mistakes)}


def _found_beside(section: str, data: dict[str, Any], mistakes: Mistakes) -> dict[str, Any]:
    """A parameter file lies beside the rig file that names it; what is no file is a shipped one's name."""
    key = _PARAMETER_FILES.get(section, "")
    if not str(data.get(key, "")).endswith(".toml"):
        return data
    return data | {key: str(mistakes.file_of(dotted(section, key)).parent / data[key])}


def _loads(file: RigFile, mistakes: Mistakes) -> dict[str, LoadConfig] | None:
    """The loads by name; ``None`` if any is wrong."""
    loads: dict[str, LoadConfig | None] = {}
    for name, data in file.load.items():
        key = dotted("load", name)
        if _NAME.fullmatch(name):
            loads[name] = _section(key, LoadConfig, data, mistakes)
        else:
            loads[name] = None
            mistakes.add(key, "a load's name has letters, digits and _ only")
    good = {name: load for name, load in loads.items() if load is not None}
    broken = any(key.startswith("load") for key in mistakes.broken)
    return None if broken or len(good) < len(loads) else good


def _section(name: str, config: type[Any], data: dict[str, Any], mistakes: Mistakes) -> Any:
    """A twin's configuration out of its table; what the table leaves out is its preset's, or the default."""
    keys = keys_of(config)
    required = {f.name for f in dataclasses.fields(config) if f.default is dataclasses.MISSING}
    fields = {key: (reader, ... if field in required else None) for key, (field, reader) in keys.items()}
    if name in _PRESETS:
        fields["preset"] = (str, None)
    model = create_model(f"{name.title().replace('.', '')}Section", __base__=Section, **fields)  # type: ignore[call-overload]
    try:
        found = model.model_validate(_flat(data))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            note(mistakes, detail, model, name)
        return None
    given = {keys[key][0]: getattr(found, key) for key in found.model_fields_set if key in keys}
    base = _preset(name, found, mistakes)
    try:
        return config(**given) if base is None else dataclasses.replace(base, **given)
    except ValueError as error:
        _note_value_error(error, name, mistakes)
        return None


def _preset(section: str, found: Any, mistakes: Mistakes) -> Any:
    """The configuration that a table names, if it does."""
    preset = getattr(found, "preset", None)
    if preset is None or section not in _PRESETS:
        return None
    known = _PRESETS[section]
    if preset not in known:
        hint = suggest(preset, known, "presets")
        mistakes.add(f"{section}.preset", f"there is no {section} preset {preset!r}", hint)
    return known.get(preset)


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """``spread = { capacity = 0.02 }`` is ``capacity_spread``, its ``seed`` is ``spread_seed``."""
    spread = data.get("spread")
    if not isinstance(spread, dict):
        return data
    rest = {key: value for key, value in data.items() if key != "spread"}
    return rest | {
        "spread_seed" if key == "seed" else f"{key}_spread": value for key, value in spread.items()
    }


def _note_value_error(error: ValueError, section: str, mistakes: Mistakes) -> None:
    """The twins' errors begin with the field; those of a cell's parameters with their own file."""
    field, _, reason = str(error).partition(": ")
    if not _FIELD.fullmatch(field):
        mistakes.add("pack.cell", str(error))
        return
    *sections, name = field.split(".")
    key = dotted(*filter(None, [*section.split("."), *sections]), _key(name, None)[0])
    key = key.replace("pack.pack.", "pack.")
    mistakes.add(key, reason or str(error))


def ports_of(config: PlantConfig, mistakes: Mistakes) -> Mapping[str, PortLike] | None:
    """The twins' ports, by building the plant once; ``None`` if it cannot be built."""
    try:
        return Plant(VirtualClock(), config).ports
    except ValueError as error:  # there is no such cell, or its parameters are wrong
        _note_value_error(error, "pack", mistakes)
        return None
