"""REPORT: one record of the run, and its writers: the HTML report, JUnit, the terminal table."""
