"""``tests/socketcan``, run in a guest that has SocketCAN; each of its tests is told here as a sub-test."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.guest.guest import ROOT, GuestTimeoutError, available, run

pytestmark = pytest.mark.real_time

TIMEOUT_S = 130.0  # of the guest; two of them stay below the time after which pytest gives a test up
TEST_TIMEOUT_S = 110  # of one test in it: its stack is told, and it has failed
GUESTS = {  # what runs in one guest: a whole run, which starts several programs, has one of its own
    "links": ("test_by_kernel.py", "test_can_utils.py", "test_links.py", "test_vcan.py"),
    "suite": ("test_real_time.py::test_a_test_of_the_suite_passes_on_vcan",),
    "by the kernel": ("test_real_time.py::test_the_kernel_may_send_the_cells_and_filter_what_comes",),
    "CAN FD": ("test_real_time.py::test_a_test_of_the_suite_passes_with_can_fd_on_vcan",),
    "bad interface": ("test_real_time.py::test_an_interface_that_is_no_good_is_told",),
    "clock": ("test_real_time.py::test_a_clock_that_is_set_in_mid_test_gives_no_verdict",),
    "interface": ("test_real_time.py::test_an_interface_that_goes_in_mid_test_gives_no_verdict",),
    "dead plant": (
        "test_real_time.py::test_a_bms_of_somebody_else_is_asked_for_the_safe_state_when_the_plant_dies",
    ),
}


def _told(text: bytearray) -> str:
    return text.decode(errors="replace")


def _outcomes(folder: Path, names: tuple[str, ...]) -> tuple[int, list[ElementTree.Element]]:
    """Run these test files in the guest: pytest's exit code, and each ``testcase`` of its JUnit file."""
    report, text = folder / "junit.xml", bytearray()
    options = ["-v", "-p", "no:cacheprovider", f"--junitxml={report}", "--durations=5", "--color=no"]
    options += ["-o", f"faulthandler_timeout={TEST_TIMEOUT_S}"]
    command = ["python", "-m", "pytest", *options, *(f"tests/socketcan/{name}" for name in names)]
    code = run(command, timeout_s=TIMEOUT_S, writable=[folder], cwd=ROOT, out=text.extend, err=text.extend)
    print(_told(text))  # noqa: T201, shown when a test fails
    assert report.exists(), _told(text)
    return code, list(ElementTree.parse(report).iter("testcase"))


def _judge(case: ElementTree.Element) -> None:
    """Fail or skip as the test in the guest did."""
    for child in case:
        told = child.text or child.get("message") or ""
        if child.tag == "skipped":
            pytest.skip(child.get("message") or told)
        if child.tag in ("failure", "error"):
            pytest.fail(told, pytrace=False)


def test_each_test_runs_in_a_guest() -> None:
    files = {path.name: path for path in (ROOT / "tests" / "socketcan").glob("test_*.py")}
    given = [name for names in GUESTS.values() for name in names]
    assert {name.partition("::")[0] for name in given} == set(files)
    runs = re.findall(r"^def (test_\w+)", files["test_real_time.py"].read_text("utf-8"), re.MULTILINE)
    assert {f"test_real_time.py::{name}" for name in runs} <= set(given)


@pytest.mark.parametrize("names", GUESTS.values(), ids=GUESTS)
def test_socketcan(
    tmp_path: Path, subtests: pytest.Subtests, request: pytest.FixtureRequest, names: tuple[str, ...]
) -> None:
    reason = available()
    if reason is not None:
        pytest.skip(reason)
    try:
        code, cases = _outcomes(tmp_path, names)
    except GuestTimeoutError as error:  # no test of ours: a test that hangs ends by itself, see above
        terminal = request.config.get_terminal_writer()
        terminal.line(f"\n{error}: the guest hung and is booted once more")
        code, cases = _outcomes(tmp_path, names)
    for case in cases:
        with subtests.test(msg=f"{case.get('classname')}::{case.get('name')}"):
            _judge(case)
    assert any(case.find("skipped") is None for case in cases), "nothing ran in the guest"
    assert code == 0, "pytest itself failed in the guest"
