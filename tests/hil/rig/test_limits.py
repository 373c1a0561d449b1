"""Limits: what a BMS promises."""

from collections.abc import Callable

import pytest

from hil.errors import NotOfferedError
from hil.rig.limits import Limit
from hil.rig.schema import RigConfig

Loader = Callable[..., RigConfig]


def test_levels_and_times(load: Loader) -> None:
    limit = load().limits["cell_overvoltage"]
    assert (limit.threshold, limit.release, limit.unit, limit.above) == (3.65, 3.45, "V", True)
    assert (limit.delay, limit.delay_ns) == (500_000_000, 500_000_000)
    assert limit.reaction_ns is None
    assert limit.clears == "reset"
    assert limit.has("threshold", "delay")
    assert not limit.has("threshold", "derate")


@pytest.mark.parametrize("name", ["warning", "derate", "reaction", "timeout", "tolerance"])
def test_what_is_not_promised_is_not_offered(load: Loader, name: str) -> None:
    limit = load().limits["cell_overvoltage"]
    with pytest.raises(NotOfferedError, match=f"gives limit 'cell_overvoltage' no {name}"):
        getattr(limit, name)


def test_the_side_follows_from_the_levels(load: Loader) -> None:
    more = '[limits.low]\nthreshold = "2.5 V"\n{}\n'
    assert not load(more.format('release = "3.0 V"')).limits["low"].above
    assert not load(more.format('warning = "2.9 V"')).limits["low"].above
    assert not load(more.format("above = false")).limits["low"].above
    assert load(more.format("")).limits["low"].above


def test_all_other_fields(load: Loader) -> None:
    limit = load(
        """
        [limits.plausibility]
        tolerance = "2 K"
        timeout = "2 s"
        count = 3
        clears = "self"
        states = ["operate"]
        extra = { done = "95 %", after = "500 ms" }
        requirement = "BMS-17"
        source = "datasheet"
        """
    ).limits["plausibility"]
    assert (limit.tolerance, limit.tolerance_unit) == (2.0, "K")
    assert (limit.timeout, limit.count, limit.number("count")) == (2_000_000_000, 3, 3)
    assert (limit.clears, limit.states) == ("self", ("operate",))
    assert (limit.number("done"), limit.number("after")) == (0.95, 500_000_000)
    assert (limit.requirement, limit.source) == ("BMS-17", "datasheet")


def test_timeouts_by_message_and_by_pattern(load: Loader) -> None:
    limit = load('[limits.frame_timeout]\nmessages = { "CMU_*" = "500 ms", CMU_Pack = "250 ms" }').limits[
        "frame_timeout"
    ]
    assert limit.messages["CMU_Cells_1"] == 500_000_000
    assert limit.messages["CMU_Pack"] == 250_000_000
    assert set(limit.messages) == {"CMU_Cells_1", "CMU_Cells_2", "CMU_Pack", "CMU_Event"}


def test_a_limit_stands_alone() -> None:
    assert not Limit("x").has("threshold")
