"""The report for people (console) and for programs (JSON)."""
