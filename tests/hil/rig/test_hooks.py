"""The file of hooks: what it may define, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.cli import main
from hil.errors import RigFileError, RigFileErrors
from hil.rig.hooks import HOOKS, load_hooks

SECOND = 1_000_000_000


def load(folder: Path, source: str):
    (folder / "odd.py").write_text(source)
    return load_hooks(folder / "odd.py", SECOND)


def test_all_that_there_are_can_be_defined_beside_helpers(tmp_path):
    bodies = [f"def {name}({', '.join(arguments)}): _help()\n" for name, arguments in HOOKS.items()]
    hooks = load(tmp_path, "import math\nfrom pathlib import Path\ndef _help(): pass\n" + "".join(bodies))
    assert list(hooks.functions) == ["wake", "request", "reset", "before_test", "after_test"]
    assert len(hooks.sha256) == 64


def test_a_data_class_with_its_types_as_text_is_no_trouble(tmp_path):
    source = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    assert load(tmp_path, f"{source}@dataclass\nclass A:\n  b: int\ndef wake(rig): A(1)\n").functions


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", r"odd.py: defines no hook \(hooks: after_test, before_test, request, reset, wake\)"),
        ("def _wake(rig): pass\n", "defines no hook"),
        ("def before_tests(rig): pass\n", r"tests: there is no such hook \(did you mean 'before_test'"),
        ("def helper(a): pass\n", r"there is no such hook \(hooks: .*; what is none begins with _: _helper"),
        ("def wake(): pass\n", r"wake: takes other arguments: .* \(def wake\(rig\):\)"),
        ("def request(rig, name): pass\n", r"request: takes other .* \(def request\(rig, name, value\):\)"),
        ("async def wake(rig): pass\n", "wake: would never run: it is a generator or a coroutine"),
        ("def wake(rig): yield\n", "wake: would never run"),
        ("def wake(rig:\n", r"does not run: SyntaxError: .* \(line 1\)"),
        ("\nimport no_such_module\n", r"does not run: ModuleNotFoundError: .* \(line 2\)"),
        ("\n\nopen('nowhere')\n", r"does not run: FileNotFoundError: .* \(line 3\)"),
        ("raise SystemExit\n", r"does not run: SystemExit \(line 1\)"),
    ],
)
def test_what_is_wrong_with_the_file_is_told(tmp_path, source, said):
    with pytest.raises((RigFileError, RigFileErrors), match=said):
        load(tmp_path, source)


def test_a_file_that_does_not_come_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("hil.rig.own_code._IMPORT_NS", SECOND // 5)
    with pytest.raises(RigFileError, match=r"odd.py: does not come to its end within 0.2 s \(line [23]\)"):
        load(tmp_path, "\nwhile True:\n    pass\n")


class TestInARigFile:
    @pytest.fixture
    def check(self, tmp_path, capsys):
        """Runs ``hil check`` on the laptop rig with hooks."""

        def run(source: str | None, keys: str = 'file = "odd.py"') -> tuple[int, str]:
            if source is not None:
                (tmp_path / "odd.py").write_text(source)
            (tmp_path / "rig.toml").write_text(f'extends = "laptop"\n[hooks]\n{keys}\n')
            code = main(["check", str(tmp_path / "rig.toml")])
            said = capsys.readouterr()
            return code, said.out + said.err

        return run

    def test_it_says_which_there_are(self, check):
        source = "def wake(rig): 1 / 0\ndef reset(rig): 1 / 0\n"
        code, said = check(source, 'file = "odd.py"\nwithin = "1 min"')
        assert code == 0
        assert "wake, reset; odd.py, each within 60 s" in said

    def test_all_mistakes_come_at_once(self, check):
        code, said = check("def wake(): 0\ndef awake(rig): 0\n", 'file = "odd.py"\nwithn = "1 s"')
        assert code == 2
        assert "hooks.withn: unknown key (did you mean 'within'?)" in said
        code, said = check("def wake(): 0\ndef awake(rig): 0\n")
        assert code == 2
        assert "odd.py: wake: takes other arguments" in said
        assert "odd.py: awake: there is no such hook (did you mean 'wake'?" in said

    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            ('file = "nowhere.py"', "nowhere.py: cannot be read: No such file or directory"),
            ('file = "rig.toml"', "rig.toml: is no Python file (its name ends in .py)"),
            ('within = "1 s"', "hooks.file: is missing"),
            ('file = "odd.py"\nwithin = "0 s"', "hooks.within: "),
        ],
    )
    def test_what_is_wrong_in_it_is_told(self, check, keys, said):
        code, text = check(None, keys)
        assert code == 2
        assert said in text
        assert "Traceback" not in text
