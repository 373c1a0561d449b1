"""What a test has broken is mended once, by whoever ends first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from hil.errors import UsageError
from hil.faults.catalogue import make_fault
from hil.faults.fault import Fault
from hil.host.contract import Host
from hil.host.stimulus import Stimulus
from hil.rig.broken import Broken


class _Host:
    """Notes what is put in and cleared; of two faults of one kind, which one."""

    def __init__(self) -> None:
        self.cleared: list[list[Fault]] = []

    def inject(self, fault: Fault, _lasts_ns: int | None = None) -> Stimulus:
        return Stimulus("fault", fault.text, 0)

    def inject_all(self, faults: Sequence[Fault]) -> list[Stimulus]:
        return [self.inject(fault) for fault in faults]

    def clear(self, fault: Fault) -> None:
        self.cleared.append([fault])

    def clear_all(self, faults: Sequence[Fault]) -> None:
        self.cleared.append(list(faults))


def _fault(cell: int) -> Fault:
    return make_fault("cell.voltage", {"cell": cell, "value": 3.7})


@pytest.fixture
def host() -> _Host:
    return _Host()


@pytest.fixture
def broken(host: _Host) -> Broken:
    return Broken(cast("Host", host))


def test_of_two_alike_each_is_mended_once(broken: Broken, host: _Host) -> None:
    outer, inner = _fault(7), _fault(7)
    broken.inject(outer, None)
    broken.inject(inner, None)
    assert broken.mend([inner]) == [inner]
    broken.mend_all()
    assert host.cleared == [[inner], [outer]]
    assert broken.mend([outer]) == []


def test_several_are_mended_at_one_instant_but_those_that_are(broken: Broken, host: _Host) -> None:
    faults = [_fault(cell) for cell in (1, 2, 3)]
    broken.inject_all(faults)
    broken.mend(faults[:1])
    assert broken.mend(faults) == faults[1:]
    assert host.cleared == [faults[:1], faults[1:]]


def test_the_last_one_is_mended_first(broken: Broken, host: _Host) -> None:
    faults = [_fault(cell) for cell in (1, 2)]
    broken.inject_all(faults)
    broken.mend_all()
    assert host.cleared == [faults[1:], faults[:1]]


def test_a_cell_is_struck_as_long_as_the_block_lasts(broken: Broken) -> None:
    with broken.struck((7, "operate")):
        with broken.struck(None):
            assert broken.cell is None
        assert broken.cell == (7, "operate")
        with pytest.raises(UsageError), broken.struck((8, "fault")):
            raise UsageError("there is no cell 8")
        assert broken.cell == (7, "operate")
    assert broken.cell is None
