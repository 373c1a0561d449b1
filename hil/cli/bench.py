"""``hil bench``: the figures of this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.cli.arguments import count, seed_range

if TYPE_CHECKING:
    from hil.bench import Figure

_QUICK = ("cell", "accuracy", "plant", "vehicle", "bus", "rig", "suite", "mutants")
_REAL, _PEERS, _FIT, _SEEDS = "realtime", "peers", "fit", "seeds"
_OF_REAL = ("lateness", "drift", "cells", "buses", "reaction", "breakpoint", "kills")


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "bench",
        help="measure what this machine reaches",
        description="Measure cell core, vehicle, bus, rig and suite on this machine. A figure's goal is what "
        "the project promises on a current two-core machine. `realtime` measures the rig in real time beside "
        "a bare loop in C, idle and with one core loaded; it takes about an hour, and a quiet machine. "
        "`peers` runs liionpack, thevenin and PyBaMM beside the cell core, as far as installed. `fit` fits a "
        "cell to the published THUN100 set, in the folder `--data`, and says how far it is off. `seeds` "
        "counts false alarms of the suite over many seeds; two minutes a rig and seed.",
    )
    parser.add_argument(
        "part",
        nargs="?",
        choices=(*_QUICK, _SEEDS, _FIT, _PEERS, _REAL),
        help="default: all but seeds, fit, peers and realtime",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="fit only: where the THUN100_*.csv.gz lie")
    parser.add_argument("--json", action="store_true", help="an array of figures on stdout")
    real = parser.add_argument_group("realtime only")
    real.add_argument("--only", nargs="+", choices=_OF_REAL, metavar="NAME", help=f"of {', '.join(_OF_REAL)}")
    real.add_argument("--seconds", type=_positive, metavar="S", help="for how long, in place of its own time")
    real.add_argument("--count", type=count, default=100, metavar="N", help="how many kills (default 100)")
    real.add_argument("--cpu", type=int, metavar="N", help="keep rig, bare loop and load on this CPU")
    real.add_argument(
        "--frames", type=count, default=4000, metavar="N", help="a second beside the cells (4000: a full bus)"
    )
    seeds = parser.add_argument_group("seeds only")
    seeds.add_argument("--seeds", type=seed_range, metavar="A-B", help="which (default 1-50)")
    seeds.add_argument("--rigs", nargs="+", metavar="RIG", help="default: the five that ship")
    seeds.add_argument(
        "--out", type=Path, metavar="DIR", help="keep the records; a run that ended there is not repeated"
    )
    seeds.add_argument("-j", "--jobs", type=count, metavar="N", help="runs at a time (default 2)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print as it goes."""
    figures = []
    for figure in _measured(arguments):
        figures.append(figure)
        if not arguments.json:
            mark = {True: "ok", False: "MISSED", None: ""}[figure.ok]
            line = f"{figure.name:58} {figure.value:10.4g} {figure.unit:14} {figure.goal:14} {mark}"
            print(line.rstrip(), flush=True)
    if arguments.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    return 0


def _measured(arguments: argparse.Namespace) -> Iterator[Figure]:
    if arguments.part == _REAL:
        return _of_realtime(arguments)
    return _of_seeds(arguments) if arguments.part == _SEEDS else _of_the_others(arguments)


def _of_the_others(arguments: argparse.Namespace) -> Iterator[Figure]:
    from hil.bench.parts import PARTS
    from hil.errors import UsageError

    if arguments.only or arguments.seconds is not None or arguments.cpu is not None:
        raise UsageError("--only, --seconds and --cpu are for realtime", remedy="`hil bench realtime …`")
    if arguments.seeds or arguments.rigs or arguments.out or arguments.jobs:
        raise UsageError("--seeds, --rigs, --out and --jobs are for seeds", remedy="`hil bench seeds …`")
    if (arguments.data is None) == (arguments.part == _FIT):
        remedy = "hil bench fit --data DIR: the THUN100 set of github.com/ErhanYILMAZ/DESC_Model"
        raise UsageError("is for fit, and fit needs it", key="--data", remedy=remedy)
    if arguments.part == _FIT:
        from hil.fit import figures

        yield from figures.run(arguments.data, _say)
        return
    if arguments.part == _PEERS:
        from hil.bench import peers

        yield from peers.run(_say)
        return
    for name, measure in PARTS.items():
        if arguments.part in (None, name):
            _say(f"measuring {name} …")
            yield from measure()


def _of_seeds(arguments: argparse.Namespace) -> Iterator[Figure]:
    from hil.bench.seeds import RIGS, run

    seeds = arguments.seeds or range(1, 51)
    return run(arguments.rigs or RIGS, seeds, arguments.jobs or 2, arguments.out, _say)


def _of_realtime(arguments: argparse.Namespace) -> Iterator[Figure]:
    from hil.bench.realtime.run import Options, run

    options = Options(
        arguments.only or (), arguments.seconds, arguments.count, arguments.cpu, max(2, arguments.frames)
    )
    return run(options, _say)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a time")
    return value
