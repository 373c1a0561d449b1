"""Limits: what a BMS promises."""

from collections.abc import Callable

import pytest

from hil.errors import NotOfferedError, UsageError
from hil.rig.limits import Limit
from hil.rig.schema import RigConfig
from hil.rig.timing import Timing

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


def test_the_timeout_of_a_message_goes_before_that_of_any_pattern(load: Loader) -> None:
    """Only patterns with a star did."""
    text = '[limits.frame_timeout]\nmessages = { "CMU_Pac?" = "500 ms", CMU_Pack = "250 ms" }'
    assert load(text).limits["frame_timeout"].messages == {"CMU_Pack": 250_000_000}


def test_a_limit_stands_alone() -> None:
    assert not Limit("x").has("threshold")


@pytest.mark.parametrize(
    ("period", "delay_ms"), [('"20 ms"', 100), ('"CMU_Pack"', 250), ('"CMU_Cells_*"', 500)]
)
def test_a_delay_may_be_a_count_of_events(load: Loader, period: str, delay_ms: int) -> None:
    dbc = ("BO_ 515 100;", "BO_ 515 50;")
    limit = load(f"[limits.interlock]\nevents = 5\nperiod = {period}", dbc=dbc).limits["interlock"]
    assert (limit.delay, limit.events, limit.number("events")) == (delay_ms * 1_000_000, 5, 5)
    assert limit.has("delay")


TIMED = """
[limits.interlock]
delay = "100 ms"
reaction = "50 ms"
timeout = "1 s"
extra = { done = "95 %", after = "500 ms" }
messages = { CMU_Pack = "250 ms" }
"""


def test_a_tolerance_is_one_of_all_times_of_a_limit(load: Loader) -> None:
    own = 'timing = { tolerance = "20 ms", reason = "it is sampled each 10 ms" }'
    limits = load(TIMED + own).limits
    limit, timing = limits["interlock"], Timing(20_000_000, "it is sampled each 10 ms")
    times = (limit.delay, limit.reaction, limit.timeout, limit.time("after"), limit.messages["CMU_Pack"])
    assert {time_ns.timing for time_ns in times} == {timing}
    assert (limit.delay.latest, limit.transient(50)) == (120_000_000, 40_000_000)
    assert limits["cell_overvoltage"].delay.timing == Timing()


def test_a_tolerance_of_the_rig_is_that_of_limits_without_their_own(load: Loader) -> None:
    own = '[limits.interlock]\ndelay = "100 ms"\ntiming = { tolerance = "0 ms", reason = "in hardware" }\n'
    limits = load(f'{own}[timing]\ntolerance = "20 ms"\nreason = "a task of 10 ms"').limits
    assert limits["cell_overvoltage"].delay.timing == Timing(20_000_000, "a task of 10 ms")
    assert limits["interlock"].delay.timing == Timing(0, "in hardware")


def test_what_is_no_time(load: Loader) -> None:
    limit = load(TIMED).limits["interlock"]
    with pytest.raises(UsageError, match=r"has done = 0\.95, which is no time"):
        limit.time("done")
    with pytest.raises(NotOfferedError):
        limit.time("first_within")


def test_contactors_in_their_order(load: Loader) -> None:
    limit = load('[limits.precharge]\norder = ["main_minus+precharge", "main_plus"]').limits["precharge"]
    assert limit.order == (("main_minus", "precharge"), ("main_plus",))
    assert load().limits["cell_overvoltage"].order == ()
