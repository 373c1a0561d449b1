"""The cell core as plain C: its own tests under sanitizers, and the same bits on every machine."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CORE = HERE.parent.parent / "twins" / "cell"
COMPILER = shutil.which("gcc") or shutil.which("clang")
SAME_BITS = ["-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-ffinite-math-only"]
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


def build(into: Path, *flags: str) -> Path:
    """The test program, or a skip where there is no compiler for it."""
    if COMPILER is None:
        pytest.skip("needs gcc or clang")
    core = sorted(str(path) for path in CORE.glob("*.c") if path.name != "_cell.c")
    sources = [str(HERE / "test_cell.c"), *core]
    command = [COMPILER, f"-I{CORE}", *STRICT, *flags, *sources, "-o", str(into), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "-fsanitize" in " ".join(flags) and "lasan" in done.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert done.returncode == 0, done.stderr
    return into


def output(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_core_under_sanitizers(tmp_path: Path) -> None:
    # Clones per machine are left out: they are chosen before a sanitizer is ready.
    sanitizers = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    assert output(build(tmp_path / "checked", *sanitizers, "-DHOT=")) == ""


def test_the_bits_do_not_depend_on_what_the_machine_has(tmp_path: Path) -> None:
    flags = ["-O3", "-ffp-contract=off", *SAME_BITS]
    native = output(build(tmp_path / "native", *flags), "bits")
    plain = output(build(tmp_path / "plain", *flags, "-DHOT="), "bits")
    unoptimised = output(build(tmp_path / "slow", "-O0", "-ffp-contract=off", "-DHOT="), "bits")
    assert native == plain == unoptimised
    assert len(set(native.split())) == 20
