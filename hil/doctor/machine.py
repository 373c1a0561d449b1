"""How well this computer can keep time: kernel, clock, power saving, other work, rights."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hil.doctor.finding import Finding
from hil.realtime.rights import Right, Rights

_CPU = "sys/devices/system/cpu"
_CLOCK = "sys/devices/system/clocksource/clocksource0"
_GOOD_CLOCKS = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource"}
_SLOW_CLOCKS = {"hpet", "acpi_pm", "jiffies", "pit"}
_SLEEPY_US = 100  # an idle state that takes longer to leave is felt in a loop of 1 ms
_FEW_CPUS = 4  # with fewer, one cannot be given away
_STEAL_FIELD = 7  # of a line of /proc/stat
_LIMITS = (
    r"printf '* - rtprio 50\n* - memlock unlimited\n' | sudo tee /etc/security/limits.d/hil.conf"
    "  # then log in anew"
)
_GAINS = {"real-time priority": 90, "locked memory": 50, "short timer slack": 40, "CPU of its own": 25}


@dataclass(frozen=True)
class Machine:
    """Where to look; tests look elsewhere.

    Attributes:
        root: Of the file system.
        system: As :data:`sys.platform` has it.
    """

    root: Path = Path("/")
    system: str = sys.platform

    def read(self, path: str) -> str:
        """A file's text without the white space around it; empty if it cannot be read."""
        try:
            return (self.root / path).read_text(errors="replace").strip()
        except OSError:
            return ""

    def find(self, pattern: str) -> list[Path]:
        """Files and folders below the root."""
        return sorted(self.root.glob(pattern))

    def run(self, *command: str) -> str:
        """What a program prints; empty if it fails."""
        try:
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=5)
        except (OSError, subprocess.SubprocessError):
            return ""
        return done.stdout


def look_at_machine(machine: Machine) -> Iterator[Finding]:
    """All that bears on waking up on time, but for the rights."""
    python = f"Python {platform.python_version()}"
    if machine.system != "linux":
        yield Finding(
            "system",
            "?",
            f"{platform.system()}, {python}: kernel, rights and CAN interfaces are only looked at on Linux; "
            "virtual time is the same everywhere",
        )
        return
    yield Finding("system", "ok", f"Linux {_release(machine)}, {_cpus(machine)} CPU(s), {python}")
    yield _preemption(machine)
    yield from _hypervisor(machine)
    yield _clock(machine)
    yield _governor(machine)
    yield from _idle(machine)
    yield _load(machine)


def look_at_rights(machine: Machine, taken: Rights) -> Iterator[Finding]:
    """What was granted when it was asked for; the collector is Python's own affair."""
    for right in taken.asked:
        if right.name not in _GAINS or machine.system != "linux":
            continue
        if right.granted:
            yield Finding(right.name, "ok", right.text)
        elif right.name == "CPU of its own" and _cpus(machine) < _FEW_CPUS:
            yield Finding(right.name, "ok", f"none kept free; {_cpus(machine)} CPU(s) are too few for that")
        else:
            yield Finding(right.name, "warn", right.text, *_change(machine, right), _GAINS[right.name])


def stolen(machine: Machine) -> tuple[int, int]:
    """Ticks that the hypervisor gave to others, and all ticks, since the start of the machine."""
    fields = machine.read("proc/stat").partition("\n")[0].split()[1:]
    ticks = [int(field) for field in fields if field.isdigit()]
    return (ticks[_STEAL_FIELD] if len(ticks) > _STEAL_FIELD else 0), sum(ticks[: _STEAL_FIELD + 1])


def _change(machine: Machine, right: Right) -> tuple[str, str]:
    if right.name == "CPU of its own":
        last = _cpus(machine) - 1
        command = (
            f"sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus=managed_irq,domain,{last} /' /etc/default/grub "
            "&& sudo update-grub  # then boot anew"
        )
        return f"keep CPU {last} free of other work", command
    if right.name == "short timer slack":
        return right.remedy, ""
    return f"allow it to your user: {right.name}", _LIMITS


def _release(machine: Machine) -> str:
    return machine.read("proc/sys/kernel/osrelease") or platform.release()


def _cpus(machine: Machine) -> int:
    match = re.fullmatch(r"(?:.*[-,])?(\d+)", machine.read(f"{_CPU}/online"))
    return int(match[1]) + 1 if match else os.cpu_count() or 1


def _preemption(machine: Machine) -> Finding:
    version = machine.read("proc/sys/kernel/version")
    if machine.read("sys/kernel/realtime") == "1" or "PREEMPT_RT" in version:
        return Finding("kernel", "ok", "real-time kernel (PREEMPT_RT)")
    kind = next((word for word in version.split() if word.startswith("PREEMPT")), "")
    if kind:
        return Finding("kernel", "ok", f"preemptible ({kind}); PREEMPT_RT has fewer outliers")
    text = "not preemptible: long system calls of others delay the rig"
    debian = "debian" in machine.read("etc/os-release").lower()
    command = "sudo apt install linux-image-rt-amd64  # then boot it" if debian else ""
    return Finding("kernel", "warn", text, "use a kernel with PREEMPT or PREEMPT_RT", command, 30)


def _hypervisor(machine: Machine) -> Iterator[Finding]:
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", machine.read("proc/cpuinfo"), re.MULTILINE)
    if flags is None and not machine.read("sys/hypervisor/type"):
        yield Finding("hypervisor", "ok", "none: a machine of its own")
        return
    lost, total = stolen(machine)
    text = f"virtual machine, {lost / max(total, 1):.2%} of its time went to others so far: expect outliers"
    yield Finding("hypervisor", "warn", text, "run the rig on a machine of its own", "", 35)


def _clock(machine: Machine) -> Finding:
    current = machine.read(f"{_CLOCK}/current_clocksource")
    if current not in _SLOW_CLOCKS:
        known = "" if current in _GOOD_CLOCKS else " (not known here)"
        return Finding("clock source", "ok", f"{current or 'not told'}{known}")
    others = machine.read(f"{_CLOCK}/available_clocksource").split()
    good = next((name for name in others if name in _GOOD_CLOCKS), "")
    command = f"echo {good} | sudo tee /{_CLOCK}/current_clocksource" if good else ""
    change = f"use {good}" if good else "let the firmware of the machine offer the TSC"
    text = f"{current}: reading the time takes microseconds, not nanoseconds"
    return Finding("clock source", "warn", text, change, command, 80)


def _governor(machine: Machine) -> Finding:
    paths = machine.find(f"{_CPU}/cpu[0-9]*/cpufreq/scaling_governor")
    governors = sorted({machine.read(str(path.relative_to(machine.root))) for path in paths} - {""})
    if not governors:
        return Finding("CPU frequency", "ok", "not changed by this kernel")
    if governors == ["performance"]:
        return Finding("CPU frequency", "ok", "governor performance")
    command = f"echo performance | sudo tee /{_CPU}/cpu*/cpufreq/scaling_governor"
    text = f"governor {', '.join(governors)}: a CPU that has slept starts slow"
    return Finding("CPU frequency", "warn", text, "keep the frequency up", command, 60)


def _idle(machine: Machine) -> Iterator[Finding]:
    states = machine.find(f"{_CPU}/cpu0/cpuidle/state[0-9]*")
    latencies = {}
    for state in states:
        place = str(state.relative_to(machine.root))
        latency = machine.read(f"{place}/latency")
        if latency.isdigit() and machine.read(f"{place}/disable") != "1":
            latencies[int(latency)] = machine.read(f"{place}/name")
    if not latencies:
        return
    worst = max(latencies)
    text = f"deepest state {latencies[worst]}, {worst} us to leave it"
    if worst <= _SLEEPY_US:
        yield Finding("CPU sleep", "ok", text)
        return
    command = f"sudo cpupower idle-set -D {_SLEEPY_US}"
    yield Finding("CPU sleep", "warn", text, "forbid the deep states while the rig runs", command, 45)


def _load(machine: Machine) -> Finding:
    first = machine.read("proc/loadavg").partition(" ")[0]
    load = float(first) if re.fullmatch(r"\d+\.\d+", first) else 0.0
    text = f"{load:.2f} programs on {_cpus(machine)} CPU(s) in the last minute"
    if load <= _cpus(machine) * 0.75:
        return Finding("other work", "ok", text)
    return Finding("other work", "warn", text, "stop what else runs here", "top -o %CPU", 75)
