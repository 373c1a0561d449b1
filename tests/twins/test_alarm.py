"""Alarms in plain SimPy: rung again and again, silent once cancelled."""

import simpy

from twins.alarm import Alarm


def test_an_alarm_rings_each_time_that_it_is_scheduled() -> None:
    env = simpy.Environment()
    rung: list[float] = []

    def ring(alarm: simpy.Event) -> None:
        rung.append(env.now)
        env.schedule(alarm, delay=10)

    alarm = Alarm(env, ring)
    env.schedule(alarm, delay=5)
    env.run(until=30)
    assert rung == [5, 15, 25]
    alarm.cancel()
    env.run(until=100)
    assert rung == [5, 15, 25]
