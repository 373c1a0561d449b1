"""Sim: the twins alone, without BMS and CAN. What does a cell, a pack, a storage, a vehicle do?

scenario ─► steps ─► table ─► trace.csv or .parquet
   │          └─► tally ─► summary
   └─ profile, cycle       └─► page.html
"""
