"""``hil watch RIG``: look on while a plant runs, or at a rig's buses."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Protocol

from hil.cli.arguments import count, time_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hil.bus.link import Link
    from hil.host.connection import Connection
    from hil.rig.live import Live, Row
    from hil.rig.schema import RigConfig

_ALL = ("*",)
_HOME, _REST, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"  # of a terminal: to its top, clear the line, all below
_NEW = "\x1b[2J"
_LEAST_NS = 20_000_000  # between two looks: a plant has more to do


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "watch",
        help="look on while a plant runs",
        description="Look on at a plant that `hil plant` or `hil run` has started: state, faults, values, "
        "health, and what roles and signals say, once a second. Nothing is changed.",
    )
    parser.add_argument("plant", metavar="RIG", help="name of the rig, its socket, or tcp://HOST:PORT")
    parser.add_argument(
        "--roles", nargs="+", metavar="PATTERN", help="roles to show, such as 'fault.*'; in a terminal: all"
    )
    parser.add_argument(
        "--signals", nargs="+", default=[], metavar="PATTERN", help="signals, such as 'VCU_Request.*'"
    )
    parser.add_argument(
        "--listen", action="store_true", help="there is no plant: hear the buses of the rig file RIG itself"
    )
    parser.add_argument("--every", default="1 s", metavar="TIME", help="default: '1 s'")
    parser.add_argument("--count", type=count, default=0, metavar="N", help="end after so many lines")
    parser.add_argument("--json", action="store_true", help="all that is known, a JSON object each time")
    parser.add_argument("--token-file", metavar="FILE", help="for a plant behind TCP")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show the state until Ctrl-C, the plant's end, or often enough.

    Raises:
        HilError: If there is no such plant or bus, or a pattern fits nothing.
    """
    from hil.errors import RigTroubleError

    period_ns = max(time_of(arguments.every, "--every"), _LEAST_NS)
    is_table = sys.stdout.isatty() and not arguments.json
    patterns = arguments.roles or (_ALL if is_table or arguments.listen else ())
    source = _open(arguments, patterns)
    try:
        screen = Screen(is_table=is_table, as_json=arguments.json, title=source.title)
        shown = 0
        while not arguments.count or shown < arguments.count:
            if shown or source.live is not None:
                source.wait(period_ns)
            status, now_ns = source.status(), source.now_ns
            screen.show(now_ns, status, source.live.rows(now_ns) if source.live else [])
            shown += 1
    except RigTroubleError as error:
        print(f"hil: {error}", file=sys.stderr)
    finally:
        source.close()
    return 0


class Source(Protocol):
    """Where what is shown comes from."""

    title: str
    live: Live | None

    @property
    def now_ns(self) -> int:
        """The instant that is shown."""

    def wait(self, span_ns: int) -> None:
        """Let time pass, and hear."""

    def status(self) -> Mapping[str, Any]:
        """What is known besides roles and signals."""

    def close(self) -> None:
        """Look on no more."""


class PlantSource:
    """A plant process."""

    def __init__(self, connection: Connection, live: Live | None, buses: Sequence[str]) -> None:
        self.live = live
        self.title = f"{connection.about['rig']['title']}, process {connection.about['pid']}"
        self._connection = connection
        if live is not None:
            connection.taps.append(lambda bus, frame: live.hear(buses[bus], frame))

    @property
    def now_ns(self) -> int:
        """The instant that is shown."""
        return self._connection.now_ns

    def wait(self, span_ns: int) -> None:
        """Let time pass, and hear."""
        import time

        from hil.realtime.sleep import sleep_until

        if self.live is None:
            sleep_until(time.monotonic_ns() + span_ns)
        else:
            self._connection.advance(self._connection.now_ns + span_ns, ())

    def status(self) -> Mapping[str, Any]:
        """What is known besides roles and signals."""
        return self._connection.call("status")

    def close(self) -> None:
        """Look on no more."""
        self._connection.close()


class BusSource:
    """The buses themselves."""

    def __init__(self, title: str, links: Mapping[str, Link], live: Live) -> None:
        import time

        self.live: Live | None = live
        self.title = f"{title}, no plant: {', '.join(links)}"
        self._hear = live.hear
        self._links = links
        self._begun_ns = time.monotonic_ns()

    @property
    def now_ns(self) -> int:
        """Since the beginning."""
        import time

        return time.monotonic_ns() - self._begun_ns

    def wait(self, span_ns: int) -> None:
        """Let time pass, and hear."""
        import time

        from hil.realtime.sleep import sleep_until

        end_ns = time.monotonic_ns() + span_ns
        while (left_ns := end_ns - time.monotonic_ns()) > 0:
            for name, link in self._links.items():
                for frame in link.receive():
                    frame.t_ns = self.now_ns
                    self._hear(name, frame)
            sleep_until(time.monotonic_ns() + min(left_ns, _LOOK_NS))

    def status(self) -> Mapping[str, Any]:
        """Nothing is known besides."""
        return {}

    def close(self) -> None:
        """Leave the buses."""
        for link in self._links.values():
            link.close()


_LOOK_NS = 10_000_000  # a bus's buffer holds more than comes meanwhile


def _open(arguments: argparse.Namespace, roles: Sequence[str]) -> Source:
    """The plant, or the buses.

    Raises:
        HilError: If there is none, or the rig file is another one than the plant's.
    """
    if arguments.listen:
        return _listening(arguments.plant, roles, arguments.signals)
    from hil.host.connection import Connection

    wanted = bool(roles or arguments.signals)
    name = f"hil watch (process {os.getpid()})"
    connection = Connection(
        address_of(arguments.plant), name, frames=wanted, token=_token(arguments.token_file)
    )
    try:
        if not wanted:
            return PlantSource(connection, None, ())
        config = _rig_of(connection, arguments.plant)
        return PlantSource(connection, _live(config, roles, arguments.signals), list(config.buses))
    except BaseException:
        connection.close()
        raise


def _live(config: RigConfig, roles: Sequence[str], signals: Sequence[str]) -> Live:
    """What reads the frames; a pattern must fit something, but not all roles of a rig that has none."""
    from hil.rig.live import Live

    return Live(config, () if roles is _ALL and not config.roles else roles, signals)


def _rig_of(connection: Connection, plant: str) -> RigConfig:
    """The rig file of a plant, which says how frames are read."""
    from pathlib import Path

    from hil.errors import UsageError
    from hil.host.identity import identity_of
    from hil.rig.load import load_rig

    own = Path(plant)
    config = load_rig(own if own.suffix == ".toml" else connection.about["rig"]["path"])
    if identity_of(config) != connection.about["identity"]:
        reason = "is not, or no longer, the rig file that the plant has"
        raise UsageError(reason, place=str(config.path), remedy="start the plant again")
    return config


def _listening(rig: str, roles: Sequence[str], signals: Sequence[str]) -> Source:
    from hil.bus.link import open_link
    from hil.errors import UsageError
    from hil.rig.load import load_rig

    config = load_rig(rig)
    if config.time != "real":
        reason, remedy = 'has time = "virtual": its buses are within a run', "only real buses can be heard"
        raise UsageError(reason, place=str(config.path), key="rig.time", remedy=remedy)
    live = _live(config, roles, signals)
    links: dict[str, Link] = {}
    try:
        for name, bus in config.buses.items():
            links[name] = open_link(name, bus.interface, bus.channel, bus.bitrate, **bus.link_options)
    except BaseException:
        for link in links.values():
            link.close()
        raise
    return BusSource(config.title, links, live)


def address_of(plant: str) -> str:
    """Where a plant listens: a running one's by its name, a rig file's, else as given.

    Raises:
        HilError: If there is neither, or the rig is none that has a plant of its own.
    """
    from pathlib import Path

    from hil.errors import UsageError
    from hil.host.doors import runtime_folder
    from hil.rig.load import load_rig

    if plant.startswith("tcp://") or Path(plant).is_socket():
        return plant
    sockets = {path.stem: path for path in runtime_folder().glob("*.sock")}
    if plant in sockets:
        return str(sockets[plant])
    config = load_rig(_known(plant, sorted(sockets)))
    if config.time != "real":
        reason, remedy = 'has time = "virtual": its plant is within a run', "only real time can be looked at"
        raise UsageError(reason, place=str(config.path), key="rig.time", remedy=remedy)
    return str(runtime_folder() / f"{config.name}.sock")


def _known(plant: str, running: Sequence[str]) -> Path:
    """The rig file that was meant."""
    from hil.errors import RigFileError, UsageError
    from hil.rig.shipped import find_rig

    try:
        return find_rig(plant)
    except RigFileError as error:
        remedy = f"there are plants of {', '.join(running)}" if running else error.remedy
        reason = f"no plant has this name, and {error.reason}"
        raise UsageError(reason, place=plant, remedy=remedy) from error


def _token(path: str | None) -> str:
    from pathlib import Path

    from hil.errors import UsageError

    if path is None:
        return os.environ.get("HIL_TOKEN", "")
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", place=path, key="--token-file") from error


class Screen:
    """Shows what is known: a table that is written over, lines of what has changed, or JSON."""

    def __init__(self, *, is_table: bool, as_json: bool, title: str) -> None:
        self._is_table, self._as_json, self._title = is_table, as_json, title
        self._said: dict[str, str] = {}
        if is_table:
            print(_NEW, end="")
        elif not as_json:
            print(title)

    def show(self, now_ns: int, status: Mapping[str, Any], rows: Sequence[Row]) -> None:
        """Show what is known at an instant."""
        if self._as_json:
            said = {row.name: row.text or None for row in rows}
            print(json.dumps({"now_ns": now_ns, **status, **({"said": said} if said else {})}), flush=True)
        elif self._is_table:
            size = shutil.get_terminal_size()
            head = [self._title, *_wrapped(_parts(now_ns, status), size.columns - 1), ""]
            lines = _cut([*head, *_table(now_ns, rows, size.columns - 1)], *size)
            print(_HOME + "".join(f"{line}{_REST}\n" for line in lines) + _BELOW, end="", flush=True)
        else:
            print("\n".join(["  ".join(_parts(now_ns, status)), *self._changes(rows)]), flush=True)

    def _changes(self, rows: Sequence[Row]) -> Iterator[str]:
        for row in rows:
            text = row.text or "silent"
            if self._said.get(row.name) != text:
                self._said[row.name] = text
                yield f"  {row.name} = {text}"


def _parts(now_ns: int, status: Mapping[str, Any]) -> list[str]:
    return list(_line(now_ns, status)) if status else [f"{now_ns / 1e9:9.1f} s"]


def _wrapped(parts: Sequence[str], columns: int) -> list[str]:
    """Parts of one line on as many as they need."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 2 + len(part) <= columns:
            lines[-1] += f"  {part}"
        else:
            lines.append(part)
    return lines


def _table(now_ns: int, rows: Sequence[Row], columns: int) -> Iterator[str]:
    """Name, what it says, and how old that is; a narrow terminal gets the ends of long names."""
    width = min(max((len(row.name) for row in rows), default=0), max(columns - _WORDS, _NAME))
    for row in rows:
        name = row.name if len(row.name) <= width else f"…{row.name[1 - width :]}"
        age = "" if row.t_ns is None else f"{max(now_ns - row.t_ns, 0) / 1e9:8.1f} s ago"
        yield f"{name:{width}}  {row.text or 'silent':28}{age}".rstrip()


_WORDS, _NAME = 16, 12  # columns for what is said, at least; for its name


def _cut(lines: Sequence[str], columns: int, height: int) -> list[str]:
    """As much as the terminal shows."""
    shown = [line[: max(columns - 1, 1)] for line in lines[: max(height - 1, 1)]]
    if len(lines) > len(shown):
        left = len(lines) - len(shown) + 1
        shown[-1] = f"… and {left} more: choose by --roles and --signals"[: columns - 1]
    return shown


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
