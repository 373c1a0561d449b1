"""Lives that show the bugs which take several events, and that the whole BMS bears."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.explore.act import Act, Script
from hil.explore.play import Player
from hil.mutants.mutant import Mutant
from hil.rig.load import load_rig

INTERLOCK, OVERVOLTAGE = Act("breaks", ("interlock",)), Act("breaks", ("cell_overvoltage",))
HEALS, OPERATE = Act("heals"), Act("asks", ("operate",))
WARM = Act("power_cycles", (False,))

# bug, life, what is said of it
SHOWN: list[tuple[str, Script, str]] = [
    (
        "a second fault is not latched beside the first",
        (INTERLOCK, OVERVOLTAGE),
        "every fault is reported: fault.cell_overvoltage",
    ),
    (
        "after a reset a fault of before is not seen again",
        (INTERLOCK, HEALS, INTERLOCK),
        "every fault is reported: fault.interlock",
    ),
    ("first fault not forgotten by the reset", (INTERLOCK, HEALS), "the first fault is that of now"),
    (
        "a deep discharge is forgotten by a power cycle",
        (Act("breaks", ("deep_discharge",)), Act("mends"), WARM),
        "what only the workshop clears outlives a power cycle: fault.deep_discharge",
    ),
    (
        "overcurrent not watched after a charge session",
        (Act("charges", ("5 s",)), OPERATE, Act("breaks", ("overcurrent_discharge",))),
        "every fault is reported: fault.overcurrent_discharge",
    ),
    (
        "overtemperature not watched while a cell is low",
        (Act("breaks", ("cell_undervoltage",)), Act("breaks", ("overtemperature_discharge",))),
        "every fault is reported: fault.overtemperature_discharge",
    ),
    (
        "isolation not watched once the interlock was open",
        (INTERLOCK, Act("breaks", ("isolation",))),
        "every fault is reported: fault.isolation",
    ),
    (
        "from driving to charging without standby",
        (OPERATE, Act("asks", ("charge",))),
        "no way from driving to charging but by standby",
    ),
    (
        "reset taken as a level",
        (Act("holds_reset"), INTERLOCK, Act("mends")),
        "a fault ends by a reset alone: fault.interlock",
    ),
    (
        "balancing goes on in a fault",
        (OVERVOLTAGE, Act("waits", ("5 s",))),
        "no balancing in the fault state",
    ),
    (
        "the fault memory forgets with the power",
        (INTERLOCK, Act("mends"), WARM),
        "the fault memory forgets nothing",
    ),
    (
        "a message that was lost is never believed again",
        (Act("loses", ("IVT_Current",)), HEALS),
        "a reset ends a fault without a cause",
    ),
    (
        "SOC is guessed anew at each power-on",
        (OPERATE, Act("drives", (0.9, "60 s")), WARM),
        "the SOC outlives a power cycle",
    ),
]
IDS = [name for name, _, _ in SHOWN]


@pytest.mark.parametrize(("name", "script", "key"), SHOWN, ids=IDS)
def test_a_bug_is_seen(
    bugs: dict[str, Mutant], player_of: Callable[[Mutant], Player], name: str, script: Script, key: str
) -> None:
    outcome = player_of(bugs[name]).play(script, frozenset())
    assert not outcome.trouble
    assert outcome.violation is not None
    assert outcome.violation.key.startswith(key)


@pytest.mark.parametrize("script", [script for _, script, _ in SHOWN], ids=IDS)
def test_the_whole_bms_bears_the_same_life(whole: Player, script: Script) -> None:
    outcome = whole.play(script, frozenset())
    assert not outcome.trouble
    assert outcome.violation is None
    assert sum(outcome.seen.values()) == len(script)


def test_a_reset_whose_message_is_lost_is_no_trouble(whole: Player) -> None:
    outcome = whole.play((Act("loses", ("VCU_Request",)), Act("resets")), frozenset())
    assert not outcome.trouble
    assert outcome.violation is None


def test_a_role_that_only_some_frames_carry_is_asked_for_in_those(tmp_path: Path) -> None:
    """The code of the first fault is in the frame in the fault state only, which does not come first."""
    rig = tmp_path / "some.toml"
    only_then = 'first_fault = { signal = "pack/BMS_Status.FirstFault", when = { State = 7 } }'
    rig.write_text(f'extends = "laptop"\n[roles]\n{only_then}\n', "utf-8")
    outcome = Player(load_rig(rig), 1).play((OPERATE, INTERLOCK, HEALS), frozenset())
    assert (outcome.trouble, outcome.violation) == ("", None)
