"""The page of a fit: how well it follows each test, and what it found; one file, nothing from outside."""

from __future__ import annotations

from hil.fit import picture
from hil.fit.assemble import CellTests
from hil.fit.fitting import Outcome
from hil.fit.picture import Curve
from hil.report.page import environment
from twins.cell.fit import FINE, SOC, SOC_R, UNIT_AH


def render(outcome: Outcome, tests: CellTests) -> str:
    """The page."""
    fit = outcome.fit
    ocv = [Curve(f"{t:g} °C", SOC, row) for t, row in zip(fit.knots, fit.ocv, strict=True)]
    middles = [Curve(f"{one.temperature_degC:g} °C", FINE[::10], one.middle[::10]) for one in tests.slow]
    ohm = 1e3 * fit.resistance * (UNIT_AH / outcome.told.capacity_Ah)
    pairs = [Curve(name, SOC_R, row) for name, row in zip(("R0", "R1", "R2"), ohm, strict=True)]
    return environment("fit").get_template("page.html").render(
        title=outcome.told.title,
        facts=outcome.facts(),
        judged=outcome.judged,
        told=tests.told,
        drawings=[(one, picture.over_time(one)) for one in outcome.judged],
        ocv=picture.over_soc(ocv, "V", "open-circuit voltage of the cell file over state of charge"),
        middles=picture.over_soc(middles, "V", "mean of the slow branches over state of charge"),
        ohm=picture.over_soc(pairs, "mOhm", "resistances at 25 degC over state of charge"),
    )
