"""The proof: whether a search finds bugs that are seeded into the reference BMS and take several events."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hil.explore.menu import menu_of
from hil.explore.play import Player
from hil.explore.search import Finding, Search
from hil.explore.write import test_file
from hil.mutants.build import Workshop
from hil.mutants.mutant import Mutant
from hil.rig.schema import RigConfig
from hil.run.output import write_whole


@dataclass(frozen=True)
class Hit:
    """What became of a bug.

    Attributes:
        finding: The first violation, if there was one.
        clean: Whether the unbroken BMS bears the same life.
        file: The test file that replays it.
        lives: How many lives were played.
        seconds: Of this machine's time, with shrinking.
    """

    mutant: Mutant
    finding: Finding | None
    clean: bool
    file: Path | None
    lives: int
    seconds: float

    @property
    def is_found(self) -> bool:
        """Whether a life shows it that the unbroken BMS bears."""
        return self.finding is not None and self.clean


def prove(
    config: RigConfig, mutants: Sequence[Mutant], seed: int, seconds: float, folder: Path, out: Path
) -> Iterator[Hit]:
    """Search each bug for so long at most.

    Args:
        config: A rig of the reference BMS, see :func:`hil.mutants.build.require_reference`.
        mutants: The bugs.
        seed: Of the search.
        seconds: For each.
        folder: Where firmware is built.
        out: Where test files go.

    Raises:
        UsageError: If there is no compiler, or a bug does not fit the sources.
    """
    workshop = Workshop(folder / "unbroken")
    unbroken = Player(config, seed)
    for number, mutant in enumerate(mutants, 1):
        place = folder / str(number)
        place.mkdir()
        library = workshop.build(mutant, place)
        yield _hunt(config, mutant, library, (seed, seconds), unbroken, out)


def _hunt(
    config: RigConfig, mutant: Mutant, library: Path, how: tuple[int, float], unbroken: Player, out: Path
) -> Hit:
    seed, seconds = how
    begun_s = time.monotonic()
    player = Player(replace(config, bms=replace(config.bms, library=library)), seed)
    search = Search(player, menu_of(config), seed, first_only=True)
    search.run(seconds)
    finding = next(iter(search.tally.findings), None)
    clean, path = False, None
    if finding is not None:
        clean = unbroken.play(finding.script, frozenset()).violation is None
        path = out / f"test_{'_'.join(mutant.name.lower().split())}.py"
        write_whole(path, test_file(config.name, finding.violation, finding.script, seed))
    return Hit(mutant, finding, clean, path, search.tally.lives, time.monotonic() - begun_s)
