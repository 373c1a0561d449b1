"""FIT — a user's own test data → a cell file: read and checked, fitted, judged with the cell core, shown.

CSV ─► columns ─► recording ─► tests ─► `twins.cell.fit` ─► cell file ─► judge ─► page
"""
