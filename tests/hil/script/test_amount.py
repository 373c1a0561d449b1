"""Amounts as a script writes them."""

from __future__ import annotations

import pytest

from hil.errors import NotOfferedError, UnitError, UsageError
from hil.rig.limits import Limit
from hil.rig.promises import Limits
from hil.rig.timing import PromisedTime, Timing
from hil.script.amount import read_amount, read_span


@pytest.fixture(scope="module")
def limits(laptop):
    return Limits(laptop.limits, lambda _requirement: None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (3.7, 3.7),
        ("3.5", 3.5),
        ("-5 degC", -5.0),
        ("3.65 V + 50 mV", 3.7),
        ("cell_overvoltage.threshold", 3.65),
        ("cell_overvoltage.threshold - 10 mV - 20 mV", 3.62),
        ("overtemperature_discharge.threshold + 2 K", 57.0),
        ("35 kOhm - 1000", 34e3),
        ("100 mV + cell_overvoltage.threshold", 3.75),
        ("3.65 V - cell_overvoltage.release", 0.2),
    ],
)
def test_amounts(limits, text, value):
    assert read_amount(text).value(limits) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (3.5, 3.5),
        ("3650 mV", "3.65 V"),
        ("cell_overvoltage.threshold", "3.65 V"),
        ("cell_overvoltage.threshold + 1", "4.65 V"),
        ("overtemperature_discharge.threshold + 2 K", "57.0 degC"),
        ("80 %", "0.8 1"),
    ],
)
def test_what_a_test_would_say(limits, text, said):
    assert read_amount(text).said(limits) == said


def test_limits_and_quantities_of_different_kinds(limits):
    for text in ("cell_overvoltage.threshold + 5 ms", "cell_overvoltage.threshold + interlock.delay"):
        with pytest.raises(UsageError, match="adds time and voltage"):
            read_amount(text).value(limits)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cell_overvoltage.threshold", "limit 'cell_overvoltage' has threshold = 3.65, which is no time"),
        ("e2e.count", "limit 'e2e' has count = 3, which is no time"),
        ("e2e.count + 50 ms", "limit 'e2e' has count = 3, which is no time"),
        ("balancing.start + interlock.delay", "limit 'balancing' has start = 0.01, which is no time"),
    ],
)
def test_limits_that_are_no_times(limits, text, reason):
    with pytest.raises(UsageError, match=reason):
        read_span(text).span(limits)


def test_a_time_has_the_tolerance_of_the_limits_in_it():
    timing = Timing(20_000_000, "tasks")
    delay = PromisedTime(100_000_000, timing)
    limits = Limits({"interlock": Limit("interlock", delay_ns=delay)}, lambda _requirement: None)
    for text, ns in (("interlock.delay + 50 ms", 150_000_000), ("1 s - interlock.delay", 900_000_000)):
        span = read_span(text).span(limits)
        assert (span, span.timing) == (ns, timing)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("20 ms", 20_000_000),
        ("interlock.delay", 100_000_000),
        ("interlock.delay + interlock.reaction + 1 s", 1_200_000_000),
    ],
)
def test_times(limits, text, ns):
    assert read_span(text).span(limits) == ns


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("500", "'500' is no time"),
        ("3 V", "'3 V' is no time"),
        ("3 V + 5 ms", "adds time and voltage"),
        ("interlock.delay + 5", "is no time"),
        ("1 s + 3", "'1 s + 3' adds a number without a unit to a time"),
        ("1 s + interlock.delay - 3", "adds a number without a unit to a time"),
        ("soon", "soon"),
        ("5 parsecs", "parsecs"),
        ("", "''"),
    ],
)
def test_what_is_no_time(text, reason):
    with pytest.raises(UnitError) as caught:
        read_span(text)
    assert reason in str(caught.value)


def test_a_limit_that_is_not_promised(limits):
    with pytest.raises(NotOfferedError, match="promises no limit 'swelling'"):
        read_amount("swelling.threshold").value(limits)
    with pytest.raises(NotOfferedError, match="threshold"):
        read_amount("interlock.threshold").value(limits)
    with pytest.raises(UsageError, match="no limit is called 'interlok'"):
        read_amount("interlok.delay").value(limits)
    with pytest.raises(UsageError, match=r"limit 'interlock' has no 'dealy' \(did you mean 'delay'"):
        read_amount("interlock.dealy").value(limits)
