"""A check says itself in a sentence, and a failed one all that matters."""

from __future__ import annotations

import math

import pytest

from hil.checks.check import (
    Agrees,
    Bounded,
    CheckResult,
    Expect,
    FrameEvidence,
    Heard,
    Never,
    Stays,
    is_kept,
    say,
    say_at,
    say_ns,
)
from hil.checks.verdict import BmsFailure, Verdict

MS = 1_000_000


@pytest.mark.parametrize(
    ("margin", "numbers", "kept"),
    [
        (0.05 - (2.05 - 2.0), (2.05, 2.0), True),  # -2e-16: at the very edge
        (0.0, (0.0,), True),
        (-1e-9, (2.05, 2.0), False),
        (-1.0, (1.0, 0.0), False),
        (-math.inf, (math.inf, 5.0), False),
        (math.nan, (math.nan, 5.0), False),
    ],
)
def test_a_bound_is_kept_at_its_very_edge(margin, numbers, kept):
    assert is_kept(margin, *numbers) is kept


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (Expect("fault", True, 500 * MS), "fault becomes set within 500 ms"),
        (Expect("fault", True, 500 * MS, 20 * MS, "sent"), "fault becomes set within 500 ms + 20 ms"),
        (Expect("state", "operate", 15_000 * MS), "state becomes operate within 15 s"),
        (Stays("contactor.main_plus", "open", 5000 * MS), "contactor.main_plus stays open for 5000 ms"),
        (Never("fault", False, MS // 2), "fault is never clear for 0.5 ms"),
        (Agrees("soc", 61.25, 5.0, "%"), "soc is 61.25 ± 5 %"),
        (Agrees("count", 3, 0, ""), "count is 3 ± 0"),
        (Bounded("cycle", 95.0, 105.0, "ms"), "cycle is between 95 and 105 ms"),
        (Bounded("frames", 3, None, ""), "frames is at least 3"),
        (Bounded("current", None, 0.1, "A"), "current is at most 0.1 A"),
        (Heard("soc", 300 * MS), "a frame with soc comes within 300 ms"),
    ],
)
def test_sentences(check, sentence):
    assert str(check) == sentence


def test_values_and_times_for_people():
    said = [say(True), say(False), say("open"), say(3.14159265), say(7)]
    assert said == ["set", "clear", "open", "3.14159", "7"]
    assert say_ns(9_999_999_999) == "10000 ms"
    assert say_ns(10_000_000_000) == "10 s"
    assert say_at(1_234_567_890) == "1.234568 s"


def test_a_failure_says_what_came_when_and_the_last_frames():
    frame = FrameEvidence(1_500_000_000, 0x102, "BMS_Faults", "00ff", "no flag set")
    result = CheckResult(
        Expect("fault", True, 500 * MS),
        ok=False,
        actual="25 frames, the last one clear, by 500 ms",
        stimulus="cell 7 = 3.8 V",
        stimulus_ns=1_000_000_000,
        frames=(frame,),
    )
    assert str(BmsFailure(result)).splitlines() == [
        "expected: fault becomes set within 500 ms",
        "came:     25 frames, the last one clear, by 500 ms",
        "stimulus: cell 7 = 3.8 V, on the wire at 1.000000 s",
        "last frames that matter:",
        "  1.500000 s  102  BMS_Faults             00ff              no flag set",
    ]


def test_a_failure_is_an_assertion_and_verdicts_are_words():
    assert issubclass(BmsFailure, AssertionError)
    assert list(map(str, Verdict)) == ["pass", "fail", "error", "invalid", "skipped"]
