"""``hil watch RIG``: look on while a plant runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "watch",
        help="look on while a plant runs",
        description="Look on at a plant that `hil plant` or `hil run` has started: state, faults, key values "
        "and health, once a second. It changes nothing.",
    )
    parser.add_argument("plant", metavar="RIG", help="name of the rig, path of the socket, or tcp://HOST:PORT")
    parser.add_argument("--every", default="1 s", metavar="TIME", help="default: '1 s'")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after so many lines")
    parser.add_argument("--json", action="store_true", help="all that is known, a JSON object each time")
    parser.add_argument("--token-file", metavar="FILE", help="for a plant behind TCP")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show the state until Ctrl-C, the plant's end, or often enough.

    Raises:
        HilError: If there is no such plant.
    """
    import time

    from hil.errors import RigTroubleError
    from hil.host.connection import Connection
    from hil.realtime.sleep import sleep_until
    from hil.units import time_ns

    period_ns = time_ns(arguments.every)
    connection = Connection(
        address_of(arguments.plant),
        f"hil watch (process {os.getpid()})",
        frames=False,
        token=_token(arguments.token_file),
    )
    if not arguments.json:
        print(f"{connection.about['rig']['title']}, process {connection.about['pid']}")
    shown, due_ns = 0, time.monotonic_ns()
    while not arguments.count or shown < arguments.count:
        try:
            status = connection.call("status")
        except RigTroubleError as error:
            print(f"hil: {error}", file=sys.stderr)
            break
        _show(connection.now_ns, status, as_json=arguments.json)
        shown += 1
        due_ns = max(due_ns + period_ns, time.monotonic_ns())
        if shown != arguments.count:
            sleep_until(due_ns)
    connection.close()
    return 0


def address_of(plant: str) -> str:
    """Where a plant listens: a rig's by its name, else as given."""
    from pathlib import Path

    from hil.host.doors import runtime_folder

    if plant.startswith("tcp://") or Path(plant).is_socket():
        return plant
    return str(runtime_folder() / f"{Path(plant).stem}.sock")


def _token(path: str | None) -> str:
    from pathlib import Path

    from hil.errors import UsageError

    if path is None:
        return os.environ.get("HIL_TOKEN", "")
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", place=path, key="--token-file") from error


def _show(now_ns: int, status: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"now_ns": now_ns, **status}), flush=True)
    else:
        print("  ".join(_line(now_ns, status)), flush=True)


def _line(now_ns: int, status: Mapping[str, Any]) -> Iterator[str]:
    yield f"{now_ns / 1e9:9.1f} s"
    yield f"{status['state'] or 'silent':10}"
    closed = [n.rpartition(".")[2] for n, said in status["contactors"].items() if said == "closed"]
    yield f"closed: {', '.join(closed) or 'none'}"
    for name, (value, unit) in status["values"].items():
        yield f"{name} {value:.5g} {unit}".rstrip()
    for what in ("faults", "warnings"):
        if status[what]:
            yield f"{what}: {', '.join(name.partition('.')[2] for name in status[what])}"
    if status["broken"]:
        yield f"broken: {', '.join(status['broken'])}"
    health = status["health"]
    frames = health["frames"]
    yield f"frames late p99 {frames['p99_ns'] / 1e6:.2g} ms, {frames['missed']} left out"
    yield from (f"{name} {bus['load']:.0%}" for name, bus in health["buses"].items())
    yield from health["troubles"][-1:]
    yield f"held by {status['holder']}" if status["holder"] else "held by nobody"
