"""When a bug counts as noticed; the runs themselves are in tests/mutants."""

import pytest

from hil.bench.mutants import Failure, Mutant, accused

MUTANT = Mutant("weld check removed", "conditions.c", "", "", "test_a_weld")
CHECK = Failure("fail", "expected: main_plus open within 100 ms")


@pytest.mark.parametrize(
    ("found", "noticed"),
    [
        ({"test_a_weld[plus]": CHECK}, True),
        (
            {"test_a_weld[plus]": CHECK, "test_other": Failure("error", "the firmware crashed (SIGSEGV)")},
            True,
        ),
        ({}, False),
        ({"test_other": CHECK}, False),
        ({"test_a_weld[plus]": Failure("error", "the firmware crashed (SIGSEGV)")}, False),
        ({"test_a_weld[plus]": Failure("fail", "AssertionError: 1 == 2")}, False),
        ({"test_a_weld[plus]": Failure("invalid", "expected: main_plus open")}, False),
        ({"test_a_weld[plus]": CHECK, "test_a_weld[minus]": Failure("error", "crashed")}, False),
    ],
)
def test_only_a_failed_check_of_a_test_about_it_counts(found: dict[str, Failure], noticed: bool) -> None:
    assert accused(MUTANT, found) is noticed
