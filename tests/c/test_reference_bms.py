"""The reference BMS's firmware without Python: its C tests, under two sanitizers."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FIRMWARE = ROOT / "rigs" / "reference_bms"
SOURCES = [HERE / "bench.c", HERE / "test_reference_bms.c", *sorted(HERE.glob("reference_bms_*.c"))]
TRANSPORT = HERE / "truck_transport.c"
NAMES = [name for source in SOURCES for name in re.findall(r'\{"(\w+)", \1\}', source.read_text())]
FLAGS = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def build(target: Path, includes: Sequence[Path], sources: Sequence[Path]) -> Path:
    """A program, built with sanitizers; skips where there is no compiler for that."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no gcc or clang")
    probe = target.with_name("probe.c")
    probe.write_text("int main(void) { return 0; }\n")
    if run(compiler, *SANITIZERS, probe, "-o", target).returncode:
        pytest.skip(f"{compiler} has no sanitizers")
    where = [f"-I{path}" for path in (*includes, ROOT / "hil" / "bms")]
    built = run(compiler, *FLAGS, *SANITIZERS, *where, *sources, "-o", target)
    assert built.returncode == 0, built.stderr
    return target


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware with its bench."""
    target = tmp_path_factory.mktemp("c") / "test_reference_bms"
    return build(target, (HERE, FIRMWARE), (*SOURCES, *sorted(FIRMWARE.glob("*.c"))))


@pytest.fixture(scope="module")
def transport(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The truck's transport protocol alone."""
    folder = FIRMWARE.parent / "reference_bms_truck"
    target = tmp_path_factory.mktemp("c") / "truck_transport"
    return build(target, (folder,), (TRANSPORT, folder / "transport.c"))


@pytest.mark.parametrize("name", NAMES)
def test_firmware(program: Path, name: str) -> None:
    result = run(program, name)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", re.findall(r'\{"(\w+)", \1\}', TRANSPORT.read_text()))
def test_truck_transport(transport: Path, name: str) -> None:
    result = run(transport, name)
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
