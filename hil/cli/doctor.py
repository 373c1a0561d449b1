"""``hil doctor``: what this machine lacks for a rig in real time."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.doctor.finding import Finding
    from hil.doctor.machine import Machine
    from hil.doctor.wakeup import Wakeups

_RIG_TROUBLE = 3


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        help="look at this machine: buses, rights, timing",
        description="Look at this machine, and at what a rig needs of it, measure how late it wakes, and "
        "say what to change, most gain first. Nothing is switched on or sent. Ends with 3 if the rig "
        "cannot run here.",
    )
    parser.add_argument("rig", metavar="RIG", nargs="?", help="rig file, or name of a shipped rig")
    parser.add_argument(
        "--seconds", type=float, default=10.0, metavar="N", help="to measure for; default: 10, 0: not at all"
    )
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look and measure.

    Raises:
        HilError: If the rig file is wrong.
    """
    from hil.doctor.buses import look_at_buses
    from hil.doctor.finding import render
    from hil.doctor.machine import Machine, look_at_machine
    from hil.doctor.rig import can_run, look_at_rig, needs_socketcan
    from hil.errors import UsageError
    from hil.rig.load import load_rig

    if not 0 <= arguments.seconds <= 3600:
        raise UsageError(f"cannot measure for {arguments.seconds:g} s", key="--seconds", remedy="0 to 3600")
    config = load_rig(arguments.rig) if arguments.rig else None
    machine = Machine()
    findings = list(look_at_rig(machine, config)) if config is not None else []
    findings += look_at_machine(machine)
    findings += look_at_buses(machine, kernel_can=needs_socketcan(config))
    measured = _measure(machine, arguments.seconds, findings)
    blocked = any(finding.blocks for finding in findings)
    if arguments.json:
        print(json.dumps(_as_data(findings, measured, can_run=not blocked), indent=2, ensure_ascii=False))
    else:
        print(render(findings))
        if config is not None:
            print(f"\n{can_run(config, findings)}")
    return _RIG_TROUBLE if blocked else 0


def _measure(machine: Machine, seconds: float, findings: list[Finding]) -> list[Wakeups]:
    """Lateness as a normal program, then with what rights there are; each half of the time."""
    from hil.clock import NS_PER_S
    from hil.doctor.machine import look_at_rights
    from hil.doctor.wakeup import measure
    from hil.realtime.rights import rights

    half_ns = int(seconds * NS_PER_S / 2)
    if half_ns:
        print(f"measuring for {seconds:g} s how late this machine wakes …", file=sys.stderr)
    measured = []
    if half_ns:
        measured.append(measure("as a normal program", half_ns, machine))
    with rights() as taken:
        findings += look_at_rights(machine, taken)
        if half_ns:
            measured.append(measure(_title(taken.granted), half_ns, machine))
    findings += [one.finding(judged=one is measured[-1]) for one in measured]
    return measured


def _title(granted: tuple[str, ...]) -> str:
    return "at real-time priority" if "real-time priority" in granted else "with the rights it gets"


def _as_data(findings: list[Finding], measured: list[Wakeups], *, can_run: bool) -> dict[str, Any]:
    from hil.doctor.finding import changes
    from hil.doctor.wakeup import as_data

    return {
        "can_run": can_run,
        "findings": [asdict(finding) for finding in findings],
        "changes": [finding.topic for finding in changes(findings)],
        "wakeups": [as_data(one) for one in measured],
    }
