"""``hil characterise RIG``: trip levels, times and recovery of a BMS, found without knowing them."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.cli.arguments import seed, time_of
from hil.cli.line import Line

if TYPE_CHECKING:
    from hil.characterise.campaign import Campaign, Wish
    from hil.characterise.sheet import Sheet

_JSON, _PAGE = "characteristic.json", "characteristic.html"


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "characterise",
        help="find a BMS's limits from outside",
        description="Find at which level, after which time and how a BMS answers, and how that ends, by "
        "bisection on what the rig sends, without looking at the limits of the rig file. Writes "
        f"{_JSON} and {_PAGE}.",
        epilog="exit codes: 0 done, with --against: nothing has changed; 1 something has, or the BMS broke "
        "under what it was shown; 2 usage wrong; 3 the rig's own trouble; 130 interrupted (what was found is "
        "written)",
    )
    parser.add_argument("rig", metavar="RIG", help="a rig in virtual time (laptop)")
    parser.add_argument("--only", default="", metavar="WORD,…", help="in the name of a role or quantity")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: hil-out/<rig>-<time>/")
    parser.add_argument("--against", type=Path, metavar="OLD.json", help="say what has changed since")
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="of all noise (default 1)")
    parser.add_argument(
        "--patience",
        default="8 s",
        metavar="TIME",
        help="what is not answered by then never is (default 8 s); longer than the slowest delay",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Characterise a BMS.

    Raises:
        HilError: If the rig file is wrong or in real time, or nothing can be written.
    """
    from hil.characterise.campaign import Campaign
    from hil.characterise.sheet import read
    from hil.characterise.watchdog import watched
    from hil.rig.load import load_rig
    from hil.run.output import make_folder
    from hil.run.supervisor import terminated_as_interrupted

    wish = _wish(arguments)
    old = read(arguments.against) if arguments.against else None
    config = load_rig(arguments.rig)
    line = Line()
    campaign = Campaign(config, wish, line.show)
    with _left_by_a_crash(campaign, "; nothing was found before"):
        campaign.begin()
    line.clear()
    out = make_folder(arguments.out, config.name, (_JSON, _PAGE))
    draft = _Draft(campaign, out)
    try:
        last = _left_by_a_crash(campaign, draft.found)
        with terminated_as_interrupted(), watched(campaign.heartbeat, draft.hung), last:
            print(f"{config.title}: looking for its limits", flush=True)
            _find(campaign, draft, line)
    finally:
        line.clear()
        changed = _finish(draft, old)
    return int(changed or bool(campaign.broken))


def _wish(arguments: argparse.Namespace) -> Wish:
    from hil.characterise.campaign import Wish
    from hil.errors import UsageError

    words = (word.strip().lower().replace("_", " ") for word in arguments.only.split(","))
    patience_ns = time_of(arguments.patience, "--patience")
    if patience_ns <= 0:
        raise UsageError("no answer comes in no time", key="--patience", remedy='such as "8 s"')
    return Wish(tuple(word for word in words if word), patience_ns, arguments.seed)


def _find(campaign: Campaign, draft: _Draft, line: Line) -> None:
    from hil.characterise.words import one_line

    for found in campaign.run():
        line.clear()
        print(one_line(found), flush=True)
        draft.write()  # firmware that crashes takes this process with it
    for left in campaign.broken:
        print(f"{left.role}: {left.reason}", flush=True)


def _finish(draft: _Draft, old: Sheet | None) -> bool:
    """Write what was found; whether it is not as in the old sheet."""
    from hil.characterise.compare import compare
    from hil.characterise.page import render
    from hil.run.output import write_whole

    draft.write()
    changes = None if old is None else compare(old, draft.sheet)
    write_whole(draft.out / _PAGE, render(draft.sheet, changes))
    if old is not None and changes is not None:
        print(f"\nchanged since {old.facts.get('date', 'then')}: {len(changes) or 'nothing'}")
        for change in changes:
            print(f"  {change}")
    print(f"\nsheet: {draft.out / _PAGE}")
    return bool(changes)


class _Draft:
    """The sheet while it grows.

    Args:
        campaign: What fills it.
        out: The folder that it goes to.
    """

    def __init__(self, campaign: Campaign, out: Path) -> None:
        self.sheet = campaign.sheet
        self.out = out
        self._campaign = campaign
        self._begun = time.monotonic()

    def write(self) -> None:
        """Write what is known."""
        from hil.characterise.sheet import as_json
        from hil.run.output import write_whole

        self.sheet.facts["trials"] = self._campaign.trials
        self.sheet.facts["bus_time"] = round(self._campaign.bus_ns * 1e-9)
        self.sheet.facts["seconds"] = round(time.monotonic() - self._begun, 1)
        write_whole(self.out / _JSON, as_json(self.sheet))

    @property
    def found(self) -> str:
        """Where the sheet is, for what is said last."""
        return f"; what was found before: {self.out / _JSON}"

    def hung(self) -> None:
        """End the process: a call of the firmware does not return, and nothing else ends it."""
        self.write()
        print(
            f"hil: a call of the firmware does not return; what was found: {self.out / _JSON}",
            file=sys.stderr,
        )
        os._exit(3)


@contextmanager
def _left_by_a_crash(campaign: Campaign, found: str) -> Iterator[None]:
    """Let firmware that ends this process in the block, by a crash or exit(), say so, and what was found."""
    from hil.bms._calls import forget_last_words, last_words

    said = f"hil: the firmware crashed or ended the process{found}\n"
    last_words(campaign.heartbeat, said.encode(), 3)
    try:
        yield
    finally:
        forget_last_words()
