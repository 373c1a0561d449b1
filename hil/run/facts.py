"""What the record's first line says of a run: rig, versions, hashes, wiring, what is simulated."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.frames.design import design_load
from hil.report.record import requirements_of
from hil.run.traces import trace_of

if TYPE_CHECKING:
    from hil.report.record import RunInfo, Wiring
    from hil.rig.schema import BusConfig, RigConfig

_PACKAGES = ("bms-hil", "python-can", "cantools", "simpy", "numpy", "pytest")
_VIRTUAL = (
    "Time is virtual: the run is a simulation in lock-step and proves nothing about real-time "
    "behaviour of the target hardware.",
    "The BMS is its firmware compiled for this computer; its hardware, power supply and "
    "analogue front end are not there.",
    "The CAN bus is simulated: frame lengths, arbitration and error confinement follow "
    "ISO 11898-1; transceivers and cables are not modelled.",
    "Cells, contactors, charger, drive and sensors are models.",
)


_PLAYED = (
    "Cells, contactors, charger, drive and sensors are models, stepped in real time; what the BMS hears of "
    "them are frames that the rig sends in their place.",
)
_OF_KIND = {
    "process": "The BMS is a program on this computer; its hardware, power supply and analogue front end are "
    "not there.",
    "external": "The BMS is not of this rig: what it is made of, and what is connected to it but the buses, "
    "the rig does not know.",
}


def run_facts(
    config: RigConfig,
    out: Path,
    seed: int,
    trace: str,
    plant: Mapping[str, Any] | None = None,
    repeat: int = 1,
) -> RunInfo:
    """All that may be asked of a run later.

    Args:
        config: The rig file.
        out: Folder of the run.
        seed: Of all noise.
        trace: Kind of the bus trace, see :mod:`hil.run.traces`.
        plant: In real time, what the plant process says of itself.
        repeat: How often each test is run.
    """
    facts: RunInfo = {
        "rig": config.name,
        "title": config.title,
        "seed": seed,
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "paths": {"rig": str(config.path), "out": str(out), **trace_of(trace)},
        "versions": _versions(),
        "dbc": {
            name: digest
            for bus in config.buses.values()
            for name, digest in bus.database.sha256.items()
        },
        "firmware": _firmware(config),
        "wiring": [_wiring(wire) for wire in config.wires],
        "buses": {name: _bus(bus, plant) for name, bus in config.buses.items()},
        "cells": config.plant.pack.strings * config.plant.pack.series,
        "requirements": _requirements(config),
        "simulated": _VIRTUAL if config.time == "virtual" else tuple(_simulated(config)),
    }
    if repeat > 1:
        facts["repeat"] = repeat
    own = {one.file: one.sha256 for one in config.computed if one.file}
    if config.hooks is not None:
        own[config.hooks.path.name] = config.hooks.sha256
    if own:
        facts["hooks"] = own
    if plant is not None:
        facts["host"] = {key: plant[key] for key in ("pid", "rights", "lease_ns", "safe_log")}
        facts["budget"] = asdict(config.health)
    return facts


def _requirements(config: RigConfig) -> dict[str, str]:
    """Which limits each requirement promises, and where that stands."""
    found: dict[str, list[str]] = {}
    for limit in config.limits.values():
        told = f"{limit.name} ({limit.source})" if limit.source else limit.name
        for requirement in requirements_of(limit.requirement):
            found.setdefault(requirement, []).append(told)
    return {requirement: "limits: " + ", ".join(names) for requirement, names in found.items()}


def _bus(bus: BusConfig, plant: Mapping[str, Any] | None) -> dict[str, object]:
    facts: dict[str, object] = {
        "interface": bus.interface,
        "bitrate": bus.bitrate,
        "load": round(design_load(bus.database, bus.bitrate, bus.data_bitrate), 4),
    }
    if bus.data_bitrate:
        facts["data_bitrate"] = bus.data_bitrate
    if plant is not None:
        facts |= {"channel": bus.channel, **plant["buses"][bus.name]}
    return facts


def _simulated(config: RigConfig) -> Iterator[str]:
    """What is not real in a run in real time."""
    yield from _PLAYED
    yield _OF_KIND[config.bms.kind]
    for bus in config.buses.values():
        if bus.channel.startswith(("vcan", "vxcan")) or bus.interface in ("virtual", "udp_multicast"):
            yield (
                f"Bus {bus.name} ({bus.interface} {bus.channel}) is no wire: frames take no time on it, "
                "do not arbitrate, and are never disturbed."
            )


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version(), "platform": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _firmware(config: RigConfig) -> dict[str, object]:
    bms = config.bms
    known: dict[str, object] = {"kind": bms.kind}
    if bms.library is not None:
        known["file"] = bms.library.name
        known["sha256"] = hashlib.sha256(bms.library.read_bytes()).hexdigest()
    if bms.kind == "process":
        known["command"] = bms.name
    if bms.kind == "library":
        known["step_ns"] = bms.step_ns
    return known


def _wiring(wire: object) -> Wiring:
    fields = ("port", "bus", "message", "signal", "direction", "scale", "offset")
    return {name: getattr(wire, name) for name in fields}  # type: ignore[return-value]
