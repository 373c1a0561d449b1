"""Promised times and their tolerance."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.rig.timing import EXACT, PromisedTime, Timing, latest, timing_of

SAMPLED, SENT = Timing(20, "a task samples it"), Timing(50, "it is sent each 50 ns")
times = st.integers(0, 10**12)


@given(times, times)
def test_a_sum_is_late_once(first, second):
    total = PromisedTime(first, SAMPLED) + PromisedTime(second, SENT)
    assert (total, total.timing, total.latest) == (first + second, SENT, first + second + 50)


@pytest.mark.parametrize(
    "total",
    [
        PromisedTime(100, SAMPLED) + 30,
        30 + PromisedTime(100, SAMPLED),
        sum([PromisedTime(100, SAMPLED), 30]),
        PromisedTime(65, SAMPLED) * 2,
        2 * PromisedTime(65, SAMPLED),
        max(PromisedTime(130, SAMPLED), 120),
    ],
    ids=["with more", "after more", "summed", "twice", "two of them", "the larger one"],
)
def test_what_is_added_leaves_it_the_tolerance(total):
    assert (total, timing_of(total)) == (130, SAMPLED)


@pytest.mark.parametrize(
    "part", [PromisedTime(100, SAMPLED) // 2, PromisedTime(100, SAMPLED) - 50], ids=["half", "less"]
)
def test_a_part_is_a_plain_number(part):
    assert (part, timing_of(part), latest(part)) == (50, EXACT, 50)


def test_it_is_a_number_like_others():
    time_ns = PromisedTime(100, SAMPLED)
    assert (time_ns, hash(time_ns), json.dumps(time_ns), f"{time_ns}") == (100, hash(100), "100", "100")
    assert PromisedTime(100, SAMPLED) * 0.5 == 0.5 * time_ns == time_ns / 2 == 50.0
    assert time_ns + 0.5 == 100.5
    for copied in (copy.deepcopy(time_ns), pickle.loads(pickle.dumps(time_ns))):
        assert (copied, copied.timing) == (100, SAMPLED)


def test_it_comes_no_sooner_than_at_once():
    assert (PromisedTime(10, SAMPLED).earliest, PromisedTime(100, SAMPLED).earliest) == (0, 80)
