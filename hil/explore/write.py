"""The test file of a finding: it replays the life with the project's test API."""

from __future__ import annotations

import re
from textwrap import wrap

from hil.explore.act import Script
from hil.explore.violation import Violation


def test_name(violation: Violation) -> str:
    """As pytest selects it."""
    return "test_" + re.sub(r"\W+", "_", violation.key.lower()).strip("_")


def test_file(rig: str, violation: Violation, script: Script, seed: int) -> str:
    """The text of a test file that fails where the violation is there, and passes where it is not.

    Args:
        rig: Name of the rig on which it was found.
        violation: What was found.
        script: The life that shows it.
        seed: Of the search.
    """
    told = wrap(_plain(violation.text), 104)
    acts = "\n".join(f"        life.{act}" for act in script)
    return f'''"""Found by hil explore {rig} --seed {seed}.

{_lines(told)}
"""

from hil import Rig
from hil.explore import living


def {test_name(violation)}(rig: Rig) -> None:
    """{_plain(violation.key).capitalize()}."""
    with living(rig) as life:
{acts}
'''


def _lines(texts: list[str]) -> str:
    return "\n".join(texts)


def _plain(text: str) -> str:
    return text.replace("\\\\", "/").replace('"', "'")
