"""``hil bms``: firmware as a stand-alone BMS on a real bus."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.bms.library import Firmware
    from hil.bms.runner import Runner
    from hil.errors import OutputError

_DEFAULT = "reference_bms"


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "bms",
        help="run firmware as a BMS on a real bus",
        description="Run a firmware library as a BMS of its own, in real time, on a real bus, until "
        "SIGTERM or Ctrl-C. Says `ready on …` when it listens.",
    )
    parser.add_argument("--interface", default="socketcan", help="socketcan, slcan, or one of python-can's")
    parser.add_argument(
        "--channel", action="append", required=True, help="such as can0; again for bus 1 of the firmware"
    )
    parser.add_argument("--bitrate", type=int, default=500_000, metavar="N", help="default: 500000")
    parser.add_argument("--fd", action="store_true", help="the buses carry CAN FD")
    parser.add_argument(
        "--data-bitrate", type=int, default=2_000_000, metavar="N", help="of CAN FD data; default: 2000000"
    )
    parser.add_argument("--library", default=_DEFAULT, help=f"firmware behind bms.h; default: {_DEFAULT}")
    parser.add_argument("--step", default="10 ms", metavar="TIME", help="of bms_step; default: '10 ms'")
    parser.add_argument("--cold", action="store_true", help="start with an empty fault memory")
    parser.add_argument(
        "--memory", type=Path, metavar="FILE", help="keep there what outlives a power cycle"
    )
    parser.add_argument(
        "--priority", type=int, default=0, metavar="N", help="of SCHED_FIFO; default: a normal program"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run until told to stop.

    Raises:
        HilError: If library or bus are not to be had, or the firmware reports an error.
    """
    from hil.bms.library import Firmware
    from hil.bms.runner import Runner
    from hil.bus.link import open_link
    from hil.realtime.rights import Wanted, rights

    step_ns = _step_ns(arguments.step)
    firmware = Firmware(_library(arguments.library))
    if arguments.memory is not None:
        _remember(firmware, arguments.memory, cold=arguments.cold)
    fd = {"fd": True, "data_bitrate": arguments.data_bitrate} if arguments.fd else {}
    with ExitStack() as stack:
        links = []
        for channel in arguments.channel:
            link = open_link(channel, arguments.interface, channel, arguments.bitrate, **fd)
            stack.callback(link.close)
            links.append(link)
        runner = Runner(firmware, links, step_ns, cold=arguments.cold)
        _stop_by_signal(runner)
        wanted = Wanted(arguments.priority, memory=arguments.priority > 0, cpu=None)
        taken = stack.enter_context(rights(wanted))
        if arguments.priority:
            _tell(str(taken))
        where = ", ".join(arguments.channel)
        runner.run(lambda: print(f"ready on {arguments.interface} {where}", flush=True))
    if arguments.memory is not None:
        _keep(firmware, arguments.memory)
    _tell(_summary(runner))
    return 0


def _step_ns(text: str) -> int:
    from hil.cli.arguments import time_of
    from hil.errors import UsageError

    step_ns = time_of(text, "--step")
    if step_ns <= 0:
        raise UsageError(f"{text!r} is no time between two steps", key="--step", remedy="such as '10 ms'")
    return step_ns


def _library(name: str) -> Path:
    """The firmware by path, or the shipped one of that name."""
    from hil.errors import UsageError
    from hil.rig.shipped import find_library

    path, looked = find_library(name, Path.cwd())
    if path is None:
        raise UsageError(
            "there is no such firmware library",
            place=name,
            key="--library",
            remedy=f"looked for {', '.join(looked)}; see docs/your-firmware.md",
        )
    return path


def _stop_by_signal(runner: Runner) -> None:
    """Whatever the starter of this program does with its signals: these two end it."""

    def stop(_number: int, _frame: object) -> None:
        runner.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):  # not in the main thread, as in tests
            signal.signal(number, stop)


def _remember(firmware: Firmware, path: Path, *, cold: bool) -> None:
    """Give the firmware its memory back; one of other firmware is worth nothing."""
    from hil.errors import FirmwareError

    if not firmware.can_save:
        raise firmware.trouble("has no bms_save and bms_restore: --memory cannot keep anything")
    if cold or not path.exists():
        return
    try:
        firmware.restore(path.read_bytes())
    except FirmwareError as error:
        _tell(f"{path} is not this firmware's memory, starting with none: {error}")
    except OSError as error:
        raise _unusable(path, "read", error) from error


def _keep(firmware: Firmware, path: Path) -> None:
    """Write the memory, whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(firmware.save())
        part.replace(path)
    except OSError as error:
        raise _unusable(path, "written", error) from error


def _unusable(path: Path, what: str, error: OSError) -> OutputError:
    from hil.errors import OutputError

    return OutputError(f"cannot be {what}: {error.strerror}", place=str(path), key="--memory")


def _summary(runner: Runner) -> str:
    tally = runner.tally
    parts = [
        f"{tally.steps} steps ({tally.skipped} skipped, late {runner.lateness})",
        f"{tally.received} frames received",
        f"{tally.sent} sent",
    ]
    if tally.full or tally.lost:
        parts.append(f"{tally.full} times no room, {tally.lost} lost")
    return f"stopped: {', '.join(parts)}"


def _tell(line: str) -> None:
    print(f"hil bms: {line}", file=sys.stderr, flush=True)
