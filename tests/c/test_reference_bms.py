"""The reference BMS's firmware without Python: its C tests, under two sanitizers."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FIRMWARE = ROOT / "rigs" / "reference_bms"
SOURCES = [HERE / "bench.c", HERE / "test_reference_bms.c", *sorted(HERE.glob("reference_bms_*.c"))]
NAMES = [name for source in SOURCES for name in re.findall(r'\{"(\w+)", \1\}', source.read_text())]
FLAGS = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware with its bench, built with sanitizers; skips where there is no compiler for that."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no gcc or clang")
    target = tmp_path_factory.mktemp("c") / "test_reference_bms"
    probe = target.with_name("probe.c")
    probe.write_text("int main(void) { return 0; }\n")
    if run(compiler, *SANITIZERS, probe, "-o", target).returncode:
        pytest.skip(f"{compiler} has no sanitizers")
    includes = [f"-I{path}" for path in (HERE, FIRMWARE, ROOT / "hil" / "bms")]
    files = [*SOURCES, *sorted(FIRMWARE.glob("*.c"))]
    built = run(compiler, *FLAGS, *SANITIZERS, *includes, *files, "-o", target)
    assert built.returncode == 0, built.stderr
    return target


@pytest.mark.parametrize("name", NAMES)
def test_firmware(program: Path, name: str) -> None:
    result = run(program, name)
    assert result.returncode == 0, result.stdout + result.stderr


DIALECTS = sorted(FIRMWARE.parent.glob("reference_bms_*"))


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda path: path.name)
def test_a_dialect_compiles_without_a_warning(dialect: Path, tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no gcc or clang")
    own = {path.name for path in dialect.glob("*.c")}
    files = [*dialect.glob("*.c"), *(path for path in FIRMWARE.glob("*.c") if path.name not in own)]
    includes = [f"-I{path}" for path in (FIRMWARE, dialect, ROOT / "hil" / "bms")]
    flags = [*FLAGS, "-DDIALECT", "-shared", "-fPIC"]
    built = run(compiler, *flags, *includes, *sorted(files), "-o", tmp_path / "bms.so")
    assert built.returncode == 0, built.stderr
