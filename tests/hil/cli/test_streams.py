"""Where nothing can be said, a command still does its work, or tells that in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

if not Path("/dev/full").exists():
    pytest.skip("needs a shell and /dev/full", allow_module_level=True)

HIL = f"{sys.executable} -P -c 'import sys; from hil.cli import main; sys.exit(main())'"


def _shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    command = command.replace("hil ", f"{HIL} ", 1)
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_closed_output_is_none_that_fails(tmp_path: Path) -> None:
    done = _shell("hil sim --list 2>&1 >&-", tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    done = _shell("hil sim --list >&- 2>&- <&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_output_on_a_full_disk_is_told(tmp_path: Path) -> None:
    done = _shell("hil sim --list > /dev/full", tmp_path)
    assert done.returncode == 3
    assert done.stderr == "hil: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("output", [">&-", "> /dev/full"])
def test_a_run_that_cannot_speak_goes_on_to_its_report(output: str, tmp_path: Path) -> None:
    done = _shell(f"hil run laptop -k an_open_interlock --out out {output}", tmp_path)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert ("cannot be written: No space left on device" in done.stderr) == ("full" in output)
    assert (tmp_path / "out" / "report.html").exists()
