"""``hil bench``: the figures of this machine."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "bench",
        help="measure what this machine reaches",
        description="Measure cell core, vehicle, bus, rig and suite on this machine. A figure's goal is what "
        "the project promises on a current two-core machine.",
    )
    parts = ("cell", "vehicle", "bus", "rig", "suite", "mutants")
    parser.add_argument("part", nargs="?", choices=parts, help="default: all")
    parser.add_argument("--json", action="store_true", help="an array of figures on stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print as it goes."""
    from hil.bench.parts import PARTS

    figures = []
    for name, measure in PARTS.items():
        if arguments.part in (None, name):
            print(f"measuring {name} …", file=sys.stderr)
            figures += measure()
    if arguments.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
        return 0
    for figure in figures:
        mark = {True: "ok", False: "MISSED", None: ""}[figure.ok]
        print(f"{figure.name:58} {figure.value:10.4g} {figure.unit:14} {figure.goal:14} {mark}")
    return 0
