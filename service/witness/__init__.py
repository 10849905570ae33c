"""Witnessing other logs, and asking others to witness ours."""
