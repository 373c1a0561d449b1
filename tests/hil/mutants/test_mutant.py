"""The catalogue: what is in it fits the sources; what is wrong in one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import UsageError
from hil.mutants.build import changed
from hil.mutants.mutant import Mutant, catalogue, chosen
from hil.rig.shipped import shipped_sources

_GOOD = 'name = "a"\nviolates = "b"\nfile = "c.c"\nold = "d"\nnew = "e"\nkill = "f"\n'


@pytest.mark.parametrize("mutant", catalogue(), ids=lambda mutant: mutant.name)
def test_each_bug_fits_into_the_sources(mutant: Mutant) -> None:
    sources = {path.name: path.read_text("utf-8") for path in shipped_sources()}
    assert changed(mutant, sources[mutant.file]) != sources[mutant.file]


def test_there_are_enough_of_them() -> None:
    mutants = catalogue()
    assert sum(not mutant.equivalent for mutant in mutants) >= 80
    assert sum(mutant.sequence for mutant in mutants) >= 5


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (_GOOD.replace('old = "d"\n', ""), "a: old is missing"),
        (_GOOD + 'kil = "x"\n', "a: kil is not known"),
        (_GOOD.replace('kill = "f"\n', ""), "a: either what kills it or why it is equivalent"),
        (_GOOD + "[[mutant]]\n" + _GOOD, "a: two mutants have this name"),
        ("name = ", "is not TOML"),
        (_GOOD.replace('name = "a"', "name = 3"), "3: name is 3 .it is a text in quotes"),
        (_GOOD + "sequence = 1\n", "a: sequence is 1 .it is true or false"),
        (_GOOD.replace("c.c", "../c.c"), r"a: file '../c.c' is no bare name"),
        (_GOOD.replace("c.c", "/c.c"), "a: file '/c.c' is no bare name"),
    ],
)
def test_a_mistake_names_its_place(entry: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[[mutant]]\n" + entry, "utf-8")
    with pytest.raises(UsageError, match=message) as caught:
        catalogue(path)
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize("text", ["mutant = [1]", "[mutant]\nname = 'a'", "mutant = 'a'"])
def test_mutants_are_a_list_of_tables(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml: mutant: is no list of tables"):
        catalogue(path)


def test_a_catalogue_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        catalogue(tmp_path / "none.toml")


def test_a_text_that_is_not_there_once_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="'x' occurs 2 times"):
        changed(Mutant("a", "b", "c.c", "x", "y", "z"), "x x")


def test_words_choose() -> None:
    mutants = catalogue()
    assert chosen(mutants, []) == mutants
    assert all("soc" in f"{m.name}{m.violates}{m.file}".lower() for m in chosen(mutants, ["soc"]))
    with pytest.raises(UsageError, match="no mutant has 'zebra'"):
        chosen(mutants, ["zebra"])
