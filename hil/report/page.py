"""What all pages share: one file each, nothing from outside, with the report's head and style."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader

_SHARED = ("base.html", "style.css")


def environment(package: str, **options: Any) -> Environment:
    """Templates of a package of ``hil``, which may extend ``base.html``.

    Args:
        package: Whose folder ``templates`` it is: ``"sim"``.
        options: What else Jinja's environment takes.
    """

    def load(name: str) -> str:
        folder = files("hil") / ("report" if name in _SHARED else package) / "templates"
        return (folder / name).read_text(encoding="utf-8")

    return Environment(
        loader=FunctionLoader(load), autoescape=True, trim_blocks=True, lstrip_blocks=True, **options
    )
