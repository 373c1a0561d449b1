"""Chargers by name: ``PRESETS["depot-84kw"]``; in a rig file ``[charger] preset = "depot-84kw"``.

=================  ==========================================================================
``elcon-6.6kw``    one Elcon/TC unit, 324 V class
``onboard-18kw``   a tow tractor XE20 (140 kWh) in eight hours
``onboard-23kw``   the same in six
``depot-84kw``     60 % of it in one hour
``fast-3c``        a 45-foot RV (227 kWh) in twenty minutes
=================  ==========================================================================

Sources of the sizes: Nautilus XE20, 324 V, 140 kWh, 6-8 h, quick charge 60 % in 1 h (Green Car
Congress 2010-11-11 through autoblog; greenlaunches 2010-04-09); RV "20 min with the right
equipment" (pressenterprise 2010-12-19); 3C is the highest charge current of the WB-LYP300AHA
sheet. 100 cells in series end at 365 V (3.65 V each), at 400 V by that sheet (4.0 V). Where a
number has another source it stands beside it. All else is provisional: of the size that such
chargers have, not measured on one.
"""

from __future__ import annotations

from twins.config import NS_PER_MS, ChargerConfig

__all__ = ["PRESETS", "preset"]

_SIX_PULSE_NS = 3_333_333  # six times 50 Hz

PRESETS: dict[str, ChargerConfig] = {
    "elcon-6.6kw": ChargerConfig(
        max_V=417.0,  # Elcon/TC 6.6 kW, 312 V nominal class
        max_A=20.0,
        max_W=6.6e3,
        min_V=180.0,
        efficiency=0.94,
        idle_W=40.0,
        rise_s=5.0,
        ripple_A=0.6,
        ripple_period_ns=10 * NS_PER_MS,  # one phase: twice 50 Hz
        phases=1,
        mains_min_V=90.0,  # Elcon/TC: 90-265 V
        mains_max_V=265.0,
        mains_limit_A=32.0,
        heating_K=35.0,
        warming_s=600.0,
    ),
    "onboard-18kw": ChargerConfig(
        max_V=400.0,  # 140 kWh / 8 h = 17.5 kW into the pack
        max_A=56.0,  # 18 kW at 324 V
        max_W=18e3,
        min_V=200.0,
        efficiency=0.94,
        idle_W=80.0,
        rise_s=5.0,
        ripple_A=0.6,
        ripple_period_ns=_SIX_PULSE_NS,
        mains_min_V=187.0,  # 230 V -15 % ... +10 %, EN 50160
        mains_max_V=253.0,
        mains_limit_A=32.0,
        heating_K=35.0,
        warming_s=600.0,
    ),
    "onboard-23kw": ChargerConfig(
        max_V=400.0,  # 140 kWh / 6 h = 23.3 kW
        max_A=72.0,  # 23.3 kW at 324 V
        max_W=23.3e3,
        min_V=200.0,
        efficiency=0.94,
        idle_W=100.0,
        rise_s=5.0,
        ripple_A=0.8,
        ripple_period_ns=_SIX_PULSE_NS,
        mains_min_V=187.0,
        mains_max_V=253.0,
        mains_limit_A=63.0,
        heating_K=35.0,
        warming_s=600.0,
    ),
    "depot-84kw": ChargerConfig(
        max_V=500.0,  # 60 % of 140 kWh in 1 h = 84 kW
        max_A=260.0,  # 84 kW at 324 V
        max_W=84e3,
        min_V=150.0,
        efficiency=0.94,
        idle_W=300.0,
        rise_s=13.0,  # 20 A/s: the ramp of CHAdeMO 2.0
        fall_s=2.6,  # 100 A/s
        ripple_A=3.0,
        ripple_period_ns=_SIX_PULSE_NS,
        mains_V=277.0,  # 480 V between the phases: presstelegram 2008-05-26
        mains_min_V=235.0,
        mains_max_V=305.0,
        mains_limit_A=125.0,
        heating_K=30.0,
        warming_s=900.0,
    ),
    "fast-3c": ChargerConfig(
        max_V=400.0,
        max_A=2100.0,  # 3C of 700 Ah cells; 227 kWh in 20 min are 680 kW on the mean
        max_W=840e3,
        min_V=150.0,
        efficiency=0.95,
        idle_W=2e3,
        rise_s=21.0,  # 100 A/s
        fall_s=4.2,
        ripple_A=20.0,
        ripple_period_ns=_SIX_PULSE_NS // 2,  # twelve pulses
        mains_V=277.0,
        mains_min_V=235.0,
        mains_max_V=305.0,
        mains_limit_A=1200.0,
        heating_K=30.0,
        warming_s=900.0,
    ),
}


def preset(name: str) -> ChargerConfig:
    """A charger by name.

    Raises:
        ValueError: If there is no such preset.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"there is no charger preset {name!r}: {', '.join(PRESETS)}") from None
