"""The example of docs/your-firmware.md is complete: it builds, checks, and protects its cell."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import hil
from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.clock import NS_PER_S
from hil.faults.catalogue import make_fault
from hil.host.inline import InlineHost
from hil.rig.load import load_rig

PAGE = Path(__file__).parents[3] / "docs" / "your-firmware.md"
BLOCK = re.compile(r"^`(mine\.\w+)`[^\n]*\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADER = Path(hil.__file__).parent / "bms"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    target = tmp_path_factory.mktemp("mine")
    for name, text in BLOCK.findall(PAGE.read_text()):
        (target / name).write_text(text)
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{HEADER}"]
    subprocess.run([*command, "mine.c", "-o", "mine.so"], check=True, cwd=target)
    return target


def test_the_example_protects_its_cell(folder: Path) -> None:
    rig = load_rig(str(folder / "mine.toml"))
    host = InlineHost(rig, Firmware(rig.bms.library), Heartbeat(), None, 1, NS_PER_S)
    try:
        host.power_on(cold=True)
        host.send("mode", 1.0)
        host.run_until(2 * NS_PER_S)
        assert host.read("contactor.main_plus.feedback") == 1
        host.inject(make_fault("cell.voltage", {"cell": 1, "value": 3.7}))
        host.run_until(2 * NS_PER_S + NS_PER_S // 4)
        assert host.read("contactor.main_plus.feedback") == 0
    finally:
        host.stop()


def test_the_page_names_functions_that_exist() -> None:
    header = (HEADER / "bms.h").read_text()
    for name in re.findall(r"`(bms_\w+)", PAGE.read_text()):
        assert name in header
