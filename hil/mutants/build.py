"""Compiles the reference BMS with a bug: the unbroken objects once, then the broken file alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from importlib.resources import files as resources
from pathlib import Path

from hil.errors import UsageError
from hil.mutants.mutant import Mutant
from hil.rig.schema import RigConfig
from hil.rig.shipped import find_library, shipped_sources

_FLAGS = ("-std=c11", "-O2", "-fPIC")
_REFERENCE = "reference_bms"


def compiler() -> str | None:
    """The C compiler of this machine, if there is one."""
    return next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)


def require_reference(config: RigConfig) -> None:
    """Bugs are put into the sources of one BMS: to a rig of another one they would all look broken.

    Raises:
        UsageError: If the rig does not test the shipped BMS as a library.
    """
    shipped, _ = find_library(_REFERENCE, Path(str(resources("hil") / "rigs")))
    bms = config.bms
    if bms.kind != "library" or shipped is None or bms.firmware.resolve() != shipped.resolve():
        raise UsageError(
            f"is no rig of the shipped {_REFERENCE}: it tests {bms.name}",
            place=str(config.path),
            key="bms.library",
            remedy="bugs are put into the shipped BMS's sources; try the rig laptop",
        )


def changed(mutant: Mutant, text: str) -> str:
    """A source file's text with the bug in it.

    Raises:
        UsageError: If the text to replace is not there exactly once: the catalogue is older than the sources.
    """
    count = text.count(mutant.old)
    if count != 1:
        raise UsageError(f"{mutant.old!r} occurs {count} times", place=mutant.file, key=mutant.name)
    return text.replace(mutant.old, mutant.new)


class Workshop:
    """Builds broken firmware in a folder.

    Args:
        folder: Where sources and objects go.

    Raises:
        UsageError: If there is no compiler here.
    """

    def __init__(self, folder: Path) -> None:
        cc = compiler()
        if cc is None:
            raise UsageError("no C compiler here", remedy="install gcc to build mutants")
        self._cc = cc
        self._sources = folder / "sources"
        self._objects = folder / "objects"
        for made in (self._sources, self._objects):
            made.mkdir(parents=True)
        for file in shipped_sources():
            shutil.copy(file, self._sources)
        self._compile(self._sources, self._objects, sorted(self._sources.glob("*.c")))

    def build(self, mutant: Mutant, folder: Path) -> Path:
        """The library with this bug.

        Raises:
            UsageError: If the text to replace is not there exactly once, or the result does not compile.
        """
        return self.build_together([mutant], folder)

    def build_together(self, mutants: Sequence[Mutant], folder: Path) -> Path:
        """The library with all these bugs at once.

        Raises:
            UsageError: If a text to replace is not there exactly once, or the result does not compile.
        """
        broken = folder / "broken"
        shutil.copytree(self._sources, broken)
        for mutant in mutants:
            place = broken / mutant.file
            if not place.is_file():
                raise UsageError("there is no such source file", place=mutant.file, key=mutant.name)
            place.write_text(changed(mutant, place.read_text("utf-8")), "utf-8")
        self._compile(broken, folder, _concerned(mutants, broken))
        fresh = {path.name: path for path in folder.glob("*.o")}
        objects = [fresh.get(path.name, path) for path in sorted(self._objects.glob("*.o"))]
        library = folder / "mutant.so"
        self._run(["-shared", "-o", str(library), *map(str, objects)], mutants[0].name)
        return library

    def _compile(self, include: Path, out: Path, files: list[Path]) -> None:
        for file in files:
            options = [*_FLAGS, f"-I{include}", "-c", str(file), "-o", str(out / f"{file.stem}.o")]
            self._run(options, file.name)

    def _run(self, options: list[str], key: str) -> None:
        done = subprocess.run([self._cc, *options], check=False, capture_output=True, text=True)
        if done.returncode:
            raise UsageError(f"does not compile: {done.stderr.strip()[:400]}", place="mutant", key=key)


def _concerned(mutants: Sequence[Mutant], sources: Path) -> list[Path]:
    """What is to be compiled anew: a header concerns all."""
    files = {mutant.file for mutant in mutants}
    if all(file.endswith(".c") for file in files):
        return [sources / file for file in sorted(files)]
    return sorted(sources.glob("*.c"))
