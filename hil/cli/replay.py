"""``hil replay TRACE``: a recorded trace on a real bus."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.replay import Replay, Trace


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "replay",
        help="send a recorded trace with its timing",
        description="Send the frames of a trace (blf, asc, candump's log, or what else python-can reads) "
        "with the timing of their recording, until its end or Ctrl-C.",
    )
    parser.add_argument("trace", metavar="TRACE", type=Path)
    parser.add_argument(
        "--bus", required=True, metavar="INTERFACE:CHANNEL", help="such as socketcan:can0, slcan:/dev/ttyACM0"
    )
    parser.add_argument("--bitrate", type=int, default=500_000, metavar="N", help="default: 500000")
    parser.add_argument("--fd", action="store_true", help="the bus carries CAN FD")
    parser.add_argument(
        "--data-bitrate", type=int, default=2_000_000, metavar="N", help="of CAN FD data; default: 2000000"
    )
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="2: twice as fast; default: 1")
    parser.add_argument("--loop", action="store_true", help="begin again at the end, until Ctrl-C")
    parser.add_argument(
        "--trace-channel", metavar="NAME", help="of several in the trace; default: that of its first frame"
    )
    parser.add_argument(
        "--only", choices=("rx", "tx"), help="frames that the recorder received, or those it sent"
    )
    parser.add_argument("--priority", type=int, default=0, metavar="N", help="of SCHED_FIFO; default: none")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send it.

    Raises:
        HilError: If trace or bus are no good.
    """
    from hil.bus.link import open_link
    from hil.errors import UsageError
    from hil.realtime.rights import Wanted, rights
    from hil.replay import Replay, Trace

    if not 0 < arguments.speed < float("inf"):
        raise UsageError(f"{arguments.speed} is no speed", key="--speed", remedy="such as 0.5 or 2")
    interface, _, channel = arguments.bus.partition(":")
    if not channel:
        raise UsageError(f"{arguments.bus!r} names no bus", key="--bus", remedy="such as socketcan:can0")
    trace = Trace(arguments.trace, arguments.trace_channel, arguments.only or "both", arguments.fd)
    options = {"fd": True, "data_bitrate": arguments.data_bitrate} if arguments.fd else {}
    link = open_link(channel, interface, channel, arguments.bitrate, **options)
    try:
        link.set_filters(())  # only sends
        replay = Replay(trace, link, speed=arguments.speed, loop=arguments.loop)
        wanted = Wanted(arguments.priority, memory=arguments.priority > 0, cpu=None)
        with rights(wanted):
            return _send(replay, trace)
    finally:
        link.close()


def _send(replay: Replay, trace: Trace) -> int:
    """Send until the end or an interrupt; either way, say how it went."""
    with suppress(ValueError):  # not in the main thread, as in tests
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 0
    try:
        replay.run()
    except KeyboardInterrupt:
        print("hil replay: interrupted", file=sys.stderr)
        code = 130
    finally:
        print(replay.outcome)
        for line in _left_out(trace):
            print(f"hil replay: {line}", file=sys.stderr)
    return code


def _left_out(trace: Trace) -> list[str]:
    lines = []
    if trace.others:
        lines.append(
            f"{trace.others} frames of other channels than {trace.channel!r} not sent: see --trace-channel"
        )
    if trace.unfit:
        lines.append(f"{trace.unfit} frames not sent: error frames, or what no bus carries")
    if trace.fd_left_out:
        lines.append(f"{trace.fd_left_out} CAN FD frames not sent: with --fd the bus carries them")
    if trace.backward:
        lines.append(f"time runs back {trace.backward} times in the trace")
    if trace.cut_off:
        lines.append("the trace is shorter than it says: cut off")
    return lines
