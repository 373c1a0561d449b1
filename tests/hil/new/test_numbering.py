"""Numbers of an array's members, from the names of signals and messages."""

from __future__ import annotations

import pytest

from hil.new.numbering import numbers_of

Where = tuple[str, str]


def _places(messages: dict[str, str]) -> list[Where]:
    return [(message, signal) for message, signals in messages.items() for signal in signals.split()]


def _in_order(messages: dict[str, str]) -> str:
    numbers = numbers_of(_places(messages))
    assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))
    return " ".join(".".join(where) for where in sorted(numbers, key=numbers.__getitem__))


@pytest.mark.parametrize(
    ("messages", "in_order"),
    [
        (  # in the order of numbers, whatever the file begins with; the last may be shorter
            {"CMU_10": "C1 C2", "CMU_9": "C2 C1 C3", "CMU_11": "C1"},
            "CMU_9.C1 CMU_9.C2 CMU_9.C3 CMU_10.C1 CMU_10.C2 CMU_11.C1",
        ),
        (
            {"M1_V1": "U0 U1", "M2_V2": "U0 U1", "M1_V2": "U0 U1", "M2_V1": "U0 U1"},
            "M1_V1.U0 M1_V1.U1 M1_V2.U0 M1_V2.U1 M2_V1.U0 M2_V1.U1 M2_V2.U0 M2_V2.U1",
        ),
        (  # a module's messages count on
            {"CMU1_A": "C1 C2", "CMU1_B": "C3 C4", "CMU2_A": "C1 C2", "CMU2_B": "C3 C4"},
            "CMU1_A.C1 CMU1_A.C2 CMU1_B.C3 CMU1_B.C4 CMU2_A.C1 CMU2_A.C2 CMU2_B.C3 CMU2_B.C4",
        ),
        (
            {"M1_V1": "C1 C2", "M1_V2": "C3 C4", "M2_V1": "C1 C2", "M2_V2": "C3 C4"},
            "M1_V1.C1 M1_V1.C2 M1_V2.C3 M1_V2.C4 M2_V1.C1 M2_V1.C2 M2_V2.C3 M2_V2.C4",
        ),
        ({"CMU_1": "C1 C2 Delta", "CMU_2": "Delta C1 C2"}, "CMU_1.C1 CMU_1.C2 CMU_2.C1 CMU_2.C2"),
        ({"Debug": "C1 C2", "CMU_1": "C1 C2", "CMU_2": "C1 C2"}, "CMU_1.C1 CMU_1.C2 CMU_2.C1 CMU_2.C2"),
        ({"CMU_02": "Temp", "CMU_00": "Temp", "CMU_01": "Temp"}, "CMU_00.Temp CMU_01.Temp CMU_02.Temp"),
        ({"DCDC1": "Temp", "DCDC2": "Temp", "CMU": "T1 T2"}, "CMU.T1 CMU.T2"),
        ({"DCDC1": "Temp", "DCDC2": "Temp"}, ""),
        ({"CMU_1": "Temp Board", "CMU_2": "Temp"}, ""),
    ],
)
def test_members_are_counted(messages: dict[str, str], in_order: str) -> None:
    assert _in_order(messages) == in_order


@pytest.mark.parametrize(
    "messages",
    [
        {"Cells_1": "U1 U2", "Cells_2": "U3 U4"},
        {"Cells_1": "U1 U2 U3", "Cells_2": "U3 U4"},  # one of them comes twice
        {"Cells_A": "U1 U2", "Cells_B": "U1 U2"},
        {"Cells_1A": "U1 U2", "Cells_1B": "U1 U2", "Cells_2A": "U3", "Cells_2B": "U3"},  # measured twice
        {"Cells": "U0 U1 U17"},
    ],
)
def test_numbers_that_say_it_themselves_are_left(messages: dict[str, str]) -> None:
    places = _places(messages)
    assert numbers_of(places) == {where: int(where[1][1:]) for where in places}
