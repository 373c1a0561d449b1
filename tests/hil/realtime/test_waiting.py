"""A process that waits for a processor, as the kernel tells of it."""

from pathlib import Path

import pytest

from hil.realtime.waiting import Waiting


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    for pid in (7, 8):
        (tmp_path / str(pid)).mkdir()
    return tmp_path


def test_what_counts_is_the_time_between_two_looks(proc: Path) -> None:
    waiting, place = Waiting(proc), proc / "7" / "schedstat"
    place.write_text("100 5000 3\n")
    assert waiting.look(7) == 0
    place.write_text("200 5600 4\n")
    assert waiting.look(7) == 600
    assert waiting.look(7) == 0


def test_another_process_begins_anew(proc: Path) -> None:
    waiting = Waiting(proc)
    (proc / "7" / "schedstat").write_text("1 50 3\n")
    (proc / "8" / "schedstat").write_text("1 900 3\n")
    assert [waiting.look(pid) for pid in (7, 8, None, 8)] == [0, 0, 0, 0]


@pytest.mark.parametrize("text", [None, "", "12", "a b c"])
def test_where_nothing_is_told_nobody_waited(proc: Path, text: str | None) -> None:
    waiting = Waiting(proc)
    if text is not None:
        (proc / "7" / "schedstat").write_text(text)
    assert [waiting.look(7), waiting.look(7)] == [0, 0]
