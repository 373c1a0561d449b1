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


def test_waits_counted_in_whole_ticks_may_be_a_tick_shorter_each(proc: Path) -> None:
    """Ten waits of a kernel that ticks each 10 ms, 1 ms each: ten of them may look like 100 ms."""
    waiting, place = Waiting(proc, tick_ns=10_000_000), proc / "7" / "schedstat"
    place.write_text("40000000 20000000 3\n")
    waiting.look(7)
    place.write_text("50000000 120000000 13\n")
    assert waiting.look(7) == 0
    place.write_text("50000000 320000000 14\n")  # one long wait is beyond doubt
    assert waiting.look(7) == 190_000_000
    place.write_text("50000001 420000000 24\n")  # a fine clock
    assert waiting.look(7) == 100_000_000
