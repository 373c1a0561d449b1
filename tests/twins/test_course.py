"""The closed forms of exponential courses, against quadrature and against themselves in pieces."""

from math import exp, inf, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from twins.course import Body, Course, fading, reaches

rates = st.sampled_from([0.0]) | st.floats(1e-6, 200.0)
amperes = st.floats(-1e4, 1e4)


@given(a=rates, b=rates, dt=st.floats(1e-6, 0.1))
def test_what_fades_into_what_loses(a: float, b: float, dt: float) -> None:
    expected, _ = quad(lambda s: exp(-a * s - b * (dt - s)), 0.0, dt, epsabs=0.0, epsrel=1e-10, limit=200)
    assert fading(a, b, dt) == pytest.approx(expected, rel=1e-9)
    assert fading(a, b, dt) == fading(b, a, dt)


def test_two_equal_time_constants_are_no_special_case() -> None:
    assert fading(3.0, 3.0, 0.5) == pytest.approx(0.5 * exp(-1.5), rel=1e-15)
    assert fading(3.0, 3.0 * (1 + 1e-12), 0.5) == pytest.approx(0.5 * exp(-1.5), rel=1e-11)
    assert fading(0.0, 0.0, 0.5) == 0.5


@given(steady=amperes, extra=amperes, rate=st.floats(1e-3, 1e3), dt=st.floats(1e-4, 1.0))
def test_charge_and_square(steady: float, extra: float, rate: float, dt: float) -> None:
    course = Course(steady, extra, rate)
    cuts = [min(dt, k / rate) for k in (1, 5, 20)]
    charge, _ = quad(course.at, 0.0, dt, points=cuts)
    square, _ = quad(lambda t: course.at(t) ** 2, 0.0, dt, points=cuts)
    size = abs(steady) + abs(extra)
    assert course.integral(dt) == pytest.approx(charge, rel=1e-7, abs=1e-9 * size)
    assert course.square_integral(dt) == pytest.approx(square, rel=1e-7, abs=1e-9 * size**2)


def test_when_it_passes_a_value() -> None:
    course = Course(10.0, -30.0, 2.0)
    assert course.at(course.time_to(0.0)) == pytest.approx(0.0, abs=1e-12)
    assert course.time_to(0.0) == pytest.approx(log(3.0) / 2.0)
    assert course.time_to(11.0) == inf  # beyond where it settles
    assert course.time_to(-21.0) == inf  # where it came from
    assert Course(5.0, 0.0, 1.0).time_to(0.0) == inf


body = st.builds(Body, st.floats(1e-6, 1e-3), st.sampled_from([0.0]) | st.floats(1e-3, 1e3))


@given(body=body, course=st.builds(Course, amperes, amperes, st.floats(1e-3, 1e3)), cut=st.floats(0.01, 0.99))
def test_a_body_is_as_warm_whatever_the_steps(body: Body, course: Course, cut: float) -> None:
    whole = body.warmed(5.0, course, 0.3)
    first = body.warmed(5.0, course, 0.3 * cut)
    rest = Course(course.steady, course.extra * exp(-course.rate_per_s * 0.3 * cut), course.rate_per_s)
    assert body.warmed(first, rest, 0.3 * (1 - cut)) == pytest.approx(whole, rel=1e-9, abs=1e-9)


def test_a_body_that_loses_nothing_melts_at_its_integral() -> None:
    found = reaches([Body(1.0 / 40e3, 0.0)], [0.0], 1.0, Course(2000.0, 0.0, 1.0), 0.1)
    assert found == pytest.approx(40e3 / 2000.0**2, rel=1e-14)


def test_a_body_that_loses_reaches_its_limit_at_the_logarithm() -> None:
    body = Body(2.0, 4.0)  # 0.5 K per A² in the end
    found = reaches([body], [0.0], 10.0, Course(5.0, 0.0, 1.0), 10.0)
    assert found == pytest.approx(-log(1.0 - 10.0 / 12.5) / 4.0, rel=1e-14)
    assert reaches([body], [0.0], 12.6, Course(5.0, 0.0, 1.0), 1e6) is None


def test_a_peak_within_the_step_is_found_on_its_way_up() -> None:
    """A pulse that heats above the limit and has cooled down again at the end of the step."""
    body, pulse = Body(1.0, 5.0), Course(0.0, 10.0, 20.0)
    assert body.warmed(0.0, pulse, 2.0) < 1.0
    found = reaches([body], [0.0], 1.0, pulse, 2.0)
    assert found is not None
    assert body.warmed(0.0, pulse, found) == pytest.approx(1.0, rel=1e-12)
    assert body.warmed(0.0, pulse, found * 0.999) < 1.0


@settings(max_examples=200, deadline=None)
@given(
    bodies=st.lists(body, min_size=1, max_size=2),
    course=st.builds(Course, amperes, amperes, st.floats(1e-2, 1e3)),
    share=st.floats(0.05, 1.2),
)
def test_no_instant_before_the_first_reaches_the_limit(
    bodies: list[Body], course: Course, share: float
) -> None:
    def theta(t: float) -> float:
        return sum(body.warmed(0.0, course, t) for body in bodies)

    highest = max(theta(k / 200.0) for k in range(1, 201))
    limit = share * highest
    if limit <= 0.0:
        return
    found = reaches(bodies, [0.0] * len(bodies), limit, course, 1.0)
    if share < 1.0:
        assert found is not None
    if found is not None:
        assert theta(found) == pytest.approx(limit, rel=1e-9)
        assert all(theta(found * k / 100.0) <= limit * (1 + 1e-12) for k in range(100))
