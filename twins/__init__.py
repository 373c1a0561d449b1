"""The physics around a BMS, on SimPy in integer nanoseconds; it knows no CAN and nothing of the rig.

::

    config.py ─► plant.py ─┬─ pack.py, cell/          cells (C core): EMF behind a resistance
                           ├─ contactor.py            who moves when, welds, sticks
                           ├─ circuit.py              precharge, DC link: one exponential per step
                           ├─ charger.py, drive/     what feeds and loads the link
                           ├─ sensor.py               what is measured, with noise and faults
                           └─ truth.py                what is so
                               all of them offer port.py: numbers that a wire can hold on to

    vehicle/   a vehicle, its driver and its drive on a pack (C core)
    cycles/    what they drive: files, regulations, dice

Current > 0 discharges the pack. SI units; temperatures in degC, and say so in their names.
"""
