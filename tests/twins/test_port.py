"""Ports: what a reader sees, and what a fault holds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins.port import Bank, Port, Truth


def out(bank: Bank, index: int = 0) -> Port:
    return Port("out", "V", bank, index, 0.0, 5.0)


def test_a_held_port_shows_the_fault_until_it_is_released() -> None:
    bank = Bank([1.0, 2.0])
    port = out(bank)
    port.force(4.0)
    assert port.values[port.index] == 4.0
    bank.publish([1.5, 2.5])
    assert bank.values == [4.0, 2.5]
    port.release()
    assert port.value == 1.5


def test_not_available_is_nan() -> None:
    port = out(Bank([1.0]))
    port.force(math.nan)
    assert math.isnan(port.value)


def test_readers_keep_the_same_list() -> None:
    bank = Bank([1.0])
    held = out(bank).values
    bank.publish([2.0])
    bank.restore({"readings": [3.0], "held": []})
    assert held == [3.0]


def test_an_output_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="output"):
        out(Bank([1.0])).write(2.0)


@pytest.mark.parametrize(("written", "taken"), [(-1.0, 0.0), (2.0, 2.0), (9.0, 5.0)])
def test_a_set_point_saturates_and_tells_its_twin(written: float, taken: float) -> None:
    heard: list[float] = []
    port = Port("in", "V", Bank([0.0]), 0, 0.0, 5.0, "in", heard.append)
    port.write(written)
    assert port.value == taken
    assert heard == [taken]


def test_a_set_point_passes_nan_on() -> None:
    port = Port("in", "A", Bank([0.0]), 0, -5.0, 5.0, "in")
    port.write(math.nan)
    assert math.isnan(port.value)


def test_a_held_set_point_does_not_hear_its_wire() -> None:
    heard: list[float] = []
    port = Port("in", "", Bank([0.0]), 0, 0.0, 1.0, "in", heard.append)
    port.force(0.0)
    port.write(1.0)
    assert heard == [0.0]
    assert port.value == 0.0
    port.release()
    assert heard == [0.0, 1.0]


def test_nothing_can_hold_the_truth() -> None:
    truth = [1.0]
    port = Port("truth", "V", Truth([lambda: truth[0]]), 0, 0.0, 5.0)
    truth[0] = 2.0
    assert port.values[port.index] == 2.0
    with pytest.raises(ValueError, match="truth"):
        port.force(3.0)
    port.release()
    assert port.value == 2.0


Act = tuple[str, int, float]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["show", "hold", "release", "publish"]),
            st.integers(0, 2),
            st.floats(-1e6, 1e6),
        )
    )
)
def test_a_reader_sees_the_held_value_or_else_the_reading(acts: list[Act]) -> None:
    bank, readings, held = Bank([0.0] * 3), [0.0] * 3, dict[int, float]()
    for act, index, value in acts:
        if act == "show":
            bank.show(index, value)
            readings[index] = value
        elif act == "hold":
            bank.hold(index, value)
            held[index] = value
        elif act == "release":
            bank.release(index)
            held.pop(index, None)
        else:
            bank.publish([value] * 3)
            readings = [value] * 3
        assert bank.values == [held.get(i, readings[i]) for i in range(3)]
