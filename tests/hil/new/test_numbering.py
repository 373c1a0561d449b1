"""Members of arrays whose numbers are in no signal's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.frames.database import load_database
from hil.new.numbering import counted_through


def _counted(tmp_path: Path, messages: dict[str, list[str]]) -> dict[tuple[str, str], int]:
    text = 'VERSION ""\nBS_:\nBU_: A\n'
    for place, (name, signals) in enumerate(messages.items()):
        text += f"BO_ {place + 1} {name}: 8 A\n"
        text += "".join(f' SG_ {s} : {8 * n}|8@1+ (1,0) [0|255] "" A\n' for n, s in enumerate(signals))
    (tmp_path / "a.dbc").write_text(text)
    return counted_through(load_database([tmp_path / "a.dbc"]).messages.values())


def test_each_message_begins_anew(tmp_path: Path) -> None:
    """In the order of the messages' numbers, whatever the file begins with; the last may be shorter."""
    modules = {"CMU_10": ["Cell1", "Cell2"], "CMU_9": ["Cell2", "Cell1", "Cell3"], "CMU_11": ["Cell1"]}
    assert _counted(tmp_path, modules) == {
        ("CMU_9", "Cell1"): 1, ("CMU_9", "Cell2"): 2, ("CMU_9", "Cell3"): 3,
        ("CMU_10", "Cell1"): 4, ("CMU_10", "Cell2"): 5, ("CMU_11", "Cell1"): 6,
    }  # fmt: skip


def test_a_module_with_two_messages(tmp_path: Path) -> None:
    modules = {f"M{m}_V{v}": ["U0", "U1"] for m in (1, 2) for v in (1, 2)}
    counted = _counted(tmp_path, modules)
    places = [(f"M{m}_V{v}", f"U{u}") for m in (1, 2) for v in (1, 2) for u in (0, 1)]
    assert [counted[place] for place in places] == list(range(1, 9))


def test_signals_without_a_number_are_counted_by_their_messages(tmp_path: Path) -> None:
    modules = {f"CMU{n:02}": ["Temp", "Tmax"] for n in (0, 1, 2)}
    counted = _counted(tmp_path, modules)
    assert [counted[f"CMU{n:02}", "Temp"] for n in (0, 1, 2)] == [1, 2, 3]


@pytest.mark.parametrize(
    "messages",
    [
        {"Cells_1": ["U1", "U2"], "Cells_2": ["U3", "U4"]},
        {"Cells_1": ["U1", "U2", "U3"], "Cells_2": ["U3", "U4"]},  # one of them comes twice
        {"Cells_A": ["U1", "U2"], "Cells_B": ["U1", "U2"]},
        {"Cells_1": ["U1", "U2"], "Temps_1": ["U1", "U2"]},
    ],
)
def test_numbers_that_say_it_themselves_are_left(tmp_path: Path, messages: dict[str, list[str]]) -> None:
    assert _counted(tmp_path, messages) == {}
