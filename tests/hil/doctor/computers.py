"""Computers made of a few files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.doctor.finding import Finding
from hil.doctor.machine import Machine

CPU = "sys/devices/system/cpu"
CLOCK = "sys/devices/system/clocksource/clocksource0"
NET = "sys/class/net"
GOOD = {
    "proc/sys/kernel/osrelease": "6.12.0-test",
    "proc/sys/kernel/version": "#1 SMP PREEMPT_DYNAMIC",
    "proc/cpuinfo": "flags\t\t: fpu sse2\n",
    "proc/stat": "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 1 1 1\n",
    "proc/loadavg": "0.10 0.20 0.30 1/100 1234",
    "proc/modules": "vcan 16384 0 - Live 0x0\ncan_raw 20480 0 - Live 0x0\n",
    f"{CPU}/online": "0-7",
    f"{CLOCK}/current_clocksource": "tsc",
    f"{CLOCK}/available_clocksource": "tsc hpet acpi_pm",
}


@dataclass(frozen=True)
class FakeMachine(Machine):
    """Programs print what the test says."""

    printed: Mapping[str, str] = field(default_factory=dict)

    def run(self, *command: str) -> str:
        return self.printed.get(" ".join(command), "")


def computer(
    folder: Path, files: Mapping[str, str] | None = None, printed: Mapping[str, str] | None = None
) -> FakeMachine:
    """A computer without fault, but for the files given."""
    for name, text in (GOOD | dict(files or {})).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return FakeMachine(folder, "linux", printed or {})


def can_interface(name: str, flags: str = "0x40c1", queue: int = 1000, mtu: int = 16) -> dict[str, str]:
    """The files of a CAN interface."""
    return {
        f"{NET}/{name}/type": "280",
        f"{NET}/{name}/flags": flags,
        f"{NET}/{name}/tx_queue_len": str(queue),
        f"{NET}/{name}/mtu": str(mtu),
    }


def told_by_ip(name: str, kind: str, **data: object) -> dict[str, str]:
    """What iproute2 prints of an interface."""
    link = {"ifname": name, "linkinfo": {"info_kind": kind, "info_data": data}}
    return {f"ip -details -json link show {name}": json.dumps([link])}


def by_topic(findings: Iterable[Finding]) -> dict[str, Finding]:
    """The findings by what was looked at."""
    found = list(findings)
    named = {finding.topic: finding for finding in found}
    assert len(named) == len(found)
    return named
