"""What the record's first line says of a run: rig, versions, hashes, wiring, what is simulated."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from hil.bus.wire_time import frame_bits
from hil.clock import NS_PER_S

if TYPE_CHECKING:
    from hil.frames.database import Database
    from hil.report.record import RunInfo, Wiring
    from hil.rig.schema import RigConfig

_PACKAGES = ("bms-hil", "python-can", "cantools", "simpy", "numpy", "pytest")
_SIMULATED = (
    "Time is virtual: the run is a simulation in lock-step and proves nothing about real-time "
    "behaviour of the target hardware.",
    "The BMS is its firmware compiled for this computer; its hardware, power supply and "
    "analogue front end are not there.",
    "The CAN bus is simulated: frame lengths, arbitration and error confinement follow "
    "ISO 11898-1; transceivers and cables are not modelled.",
    "Cells, contactors, charger, drive and sensors are models.",
)


def run_facts(config: RigConfig, out: Path, seed: int, trace: str) -> RunInfo:
    """All that may be asked of a run later."""
    return {
        "rig": config.name,
        "title": config.title,
        "seed": seed,
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "paths": {"rig": str(config.path), "out": str(out), "trace": f"trace.{trace}"},
        "versions": _versions(),
        "dbc": {
            name: digest
            for bus in config.buses.values()
            for name, digest in bus.database.sha256.items()
        },
        "firmware": _firmware(config),
        "wiring": [_wiring(wire) for wire in config.wires],
        "buses": {
            name: {
                "interface": bus.interface,
                "bitrate": bus.bitrate,
                "load": round(design_load(bus.database, bus.bitrate), 4),
            }
            for name, bus in config.buses.items()
        },
        "simulated": _SIMULATED,
    }


def design_load(database: Database, bitrate: int) -> float:
    """Share of a bus that its cyclic messages take, with all-zero data (0..1)."""
    bits = sum(
        frame_bits(m.id, m.extended, bytes(m.length)) * NS_PER_S / m.cycle_ns
        for m in database.messages.values()
        if m.cycle_ns
    )
    return bits / bitrate


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
