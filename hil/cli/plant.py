"""``hil plant RIG``: plant and buses of a rig in real time, as a process of their own."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    from hil.errors import HilError
    from hil.host.server import PlantServer
    from hil.realtime.rights import Rights
    from hil.rig.schema import RigConfig


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "plant",
        help="run plant and buses of a rig in real time",
        description="Run plant, restbus and buses of a rig in real time, for tests and lookers-on that come "
        "to its socket, until SIGTERM or Ctrl-C. Says `ready on …` when it listens. `hil run` starts one by "
        "itself.",
    )
    parser.add_argument("rig", metavar="RIG", help="rig file, or name of a shipped rig (vcan)")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="where to listen, for you alone")
    parser.add_argument("--out", type=Path, metavar="DIR", help="for its logs; default: beside the socket")
    parser.add_argument("--rt", action="store_true", help="ask for real-time priority and locked memory")
    parser.add_argument("--tcp", metavar="HOST:PORT", help="listen there too, for who has the token")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="default: token, beside the socket")
    parser.add_argument("--once", action="store_true", help="end with the first client that acts")
    parser.add_argument("--parent", type=int, metavar="PID", help="end with this process, which started it")
    parser.add_argument("--no-guard", action="store_true", help="nobody watches over this process")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to end.

    Raises:
        HilError: If the rig cannot be run, or another plant has its buses or its socket.
    """
    if sys.platform == "win32":
        from hil.errors import UsageError

        raise UsageError("a plant in real time needs a Unix", remedy="run it on Linux")
    from hil.host.doors import listen_at, listen_tcp, make_token, runtime_folder
    from hil.host.locks import BusLocks

    config = _real_rig(arguments.rig)
    folder = runtime_folder()
    path = (arguments.socket or folder / f"{config.name}.sock").absolute()
    out = _made(arguments.out or path.parent)
    with ExitStack() as stack:
        locks = BusLocks(folder, config.buses.values())
        stack.callback(locks.release)
        locks.take(time.monotonic_ns())
        doors = [listen_at(path)]
        stack.callback(lambda: path.unlink(missing_ok=True))
        token = ""
        if arguments.tcp is not None:
            doors.append(listen_tcp(arguments.tcp))
            token = make_token(arguments.token_file or path.parent / "token")
        return _serve(arguments, config, out, doors, token, stack)


def _real_rig(name: str) -> RigConfig:
    from hil.errors import UsageError
    from hil.rig.load import load_rig

    config = load_rig(name)
    if config.time != "real":
        reason = "this rig's time is virtual: its plant runs within the tests"
        raise UsageError(reason, place=str(config.path), key="rig.time", remedy="such as rigs/vcan.toml")
    return config


def _made(out: Path) -> Path:
    from hil.errors import OutputError

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason, remedy = f"cannot be made: {error.strerror}", "give a folder that you may write to"
        raise OutputError(reason, place=str(out), key="--out", remedy=remedy) from error
    return out.absolute()


def _serve(
    arguments: argparse.Namespace,
    config: RigConfig,
    out: Path,
    doors: list[socket.socket],
    token: str,
    stack: ExitStack,
) -> int:
    from hil.errors import HilError
    from hil.host.guard import Guard
    from hil.host.real import open_world
    from hil.host.safe_log import NAME, SafeLog
    from hil.host.server import PlantServer
    from hil.realtime.clock import RealClock

    log = SafeLog(out / NAME, "plant")
    guard = None if arguments.no_guard else Guard(config.path, log.path)
    clock = RealClock()
    world = open_world(config, clock, out, _tell)
    if guard is not None:
        guard.start()
        guard.watch(clock)
    rights = _take_rights(stack, real_time=arguments.rt)
    server = PlantServer(
        world,
        doors,
        log,
        token=token,
        once=arguments.once,
        parent=arguments.parent,
        rights=[str(right) for right in rights.asked],
    )
    _end_by_signal(server)
    print(f"ready on {doors[0].getsockname()}", flush=True)
    try:
        server.run()
    except HilError:
        raise
    except Exception:
        traceback.print_exc()
        print("hil plant: an error of its own; the guard takes over", file=sys.stderr, flush=True)
        return 3  # without a goodbye to the guard
    if guard is not None:
        guard.dismiss()
    return 0


def _tell(error: HilError, _fatal: bool) -> None:
    print(f"hil plant: {error}", file=sys.stderr, flush=True)


def _take_rights(stack: ExitStack, *, real_time: bool) -> Rights:
    """All of them or, without ``--rt``, those that cost nobody anything."""
    from hil.realtime.rights import Wanted, rights

    wanted = Wanted() if real_time else Wanted(priority=0, memory=False, cpu=None)
    taken = stack.enter_context(rights(wanted))
    print(f"hil plant: {taken}", file=sys.stderr, flush=True)
    return taken


def _end_by_signal(server: PlantServer) -> None:
    def end(number: int, _frame: object) -> None:
        server.end(f"told to end by {signal.Signals(number).name}")

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
