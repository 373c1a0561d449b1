"""The garbage collector during a run."""

import gc

from hil.run.collector import calm


def test_what_is_loaded_is_left_alone_and_then_as_before() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    undo = calm()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    assert gc.get_threshold()[1] > before[1]
    undo()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_in_real_time_nothing_is_collected_within_a_test() -> None:
    undo = calm(between_tests=True)
    assert not gc.isenabled()
    undo()
    assert gc.isenabled()
