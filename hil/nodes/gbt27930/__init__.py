"""GB/T 27930-2015: a charging station and a vehicle on a bus of their own, 250 kbit/s.

::

    charger (56)                                                  BMS (F4)
      handshake       CHM 250 ms  ─►     ◄─ BHM 250 ms             insulation test
      identification  CRM 00, AA  ─►     ◄─ BRM (49 bytes)
      configuration   CTS, CML    ─►     ◄─ BCP (13 bytes), BRO 00, AA
      ready           CRO 00, AA  ─►
      charging        CCS 50 ms   ─►     ◄─ BCL 50 ms, BCS (9 bytes), BSM 250 ms
      stopping        CST 10 ms   ─►     ◄─ BST 10 ms
      statistics      CSD 250 ms  ─►     ◄─ BSD 250 ms
      error           CEM 250 ms  ─►     ◄─ BEM 250 ms

Layouts: ``dbc/gbt27930.dbc``. Times: :class:`hil.nodes.gbt27930.times.ChargerTimes` and
:class:`~hil.nodes.gbt27930.times.VehicleTimes`.
"""
