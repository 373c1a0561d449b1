"""What the documents say is so: named places exist, links lead somewhere, examples run."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hil
from hil.mutants.mutant import catalogue
from hil.rig.limits import Limit
from hil.rig.messages import Messages

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_EXAMPLES = [ROOT / "README.md", ROOT / "docs" / "test-api.md"]

_TOPS = "|".join(
    re.escape(name) for name in ("hil", "twins", "dbc", "rigs", "tests", "docs", ".ci", ".github")
)
_PLACE = re.compile(rf"`((?:{_TOPS})/[\w./-]*?)(?::([\w.]+))?`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]*)?\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SET_UP_BY_THE_FIXTURE = {"finish"}


def _ids(page: Path) -> str:
    return page.name


def _places(page: Path) -> Iterator[tuple[str, str]]:
    """Paths of this repository that a page names, each with a name in it or an empty text."""
    prose = _FENCE.sub("", page.read_text("utf-8"))
    yield from {(match[1], match[2] or "") for match in _PLACE.finditer(prose)}


def _python_names(path: Path) -> set[str]:
    """Functions, classes, methods as ``Class.method``, and constants of a module."""
    names: set[str] = set()

    def gather(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                gather(node.body, f"{prefix}{node.name}.")
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    gather(ast.parse(path.read_text("utf-8")).body, "")
    return names


def _knows(path: Path, name: str) -> bool:
    if path.suffix == ".py":
        return name in _python_names(path)
    return re.search(rf"\b{re.escape(name)}\b", path.read_text("utf-8")) is not None


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_the_places_that_a_page_names_exist(page: Path) -> None:
    wrong = [
        f"{path}:{name}" if name else path
        for path, name in _places(page)
        if not (ROOT / path).exists() or (name and not _knows(ROOT / path, name))
    ]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    wrong = [link for link in _LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()]
    assert not wrong


def test_the_readme_has_the_commands_of_a_newcomer() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/hil run laptop\n" in text
    assert 'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]" && .venv/bin/pytest\n' in text


@pytest.mark.parametrize(("page", "said"), [("README.md", "{} of them"), ("CHANGELOG.md", "puts {} bugs")])
def test_as_many_bugs_are_told_as_there_are(page: str, said: str) -> None:
    assert said.format(len(catalogue())) in (ROOT / page).read_text("utf-8")


def test_the_readme_leads_to_every_page() -> None:
    linked = set(_LINK.findall((ROOT / "README.md").read_text("utf-8")))
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= linked


def _examples(page: Path) -> list[str]:
    return [body for language, body in _FENCE.findall(page.read_text("utf-8")) if language == "python"]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one test file for each page."""
    folder = tmp_path_factory.mktemp("examples")
    for page in WITH_EXAMPLES:
        text = "\n\n".join(["import pytest", *_examples(page)])
        (folder / f"test_{page.stem.replace('-', '_').lower()}.py").write_text(text, "utf-8")
    return folder


def test_the_examples_pass_on_the_laptop_rig(examples: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "--rig",
        "laptop",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
    ]
    ignored = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"
    done = subprocess.run(
        [*command, "-W", ignored, "--strict-markers", str(examples)],
        cwd=examples,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed in", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize(
    ("thing", "called"),
    [(hil.Rig, "rig."), (Messages, "rig.messages."), (Limit, "limit.")],
    ids=["rig", "messages", "limit"],
)
def test_every_method_has_an_example(thing: type, called: str) -> None:
    code = "\n".join(_examples(ROOT / "docs" / "test-api.md"))
    public = {name for name, member in vars(thing).items() if not name.startswith("_") and _is_told(member)}
    missing = {name for name in public - _SET_UP_BY_THE_FIXTURE if f"{called}{name}" not in code}
    assert not missing


def _is_told(member: object) -> bool:
    return callable(member) or isinstance(member, property)
