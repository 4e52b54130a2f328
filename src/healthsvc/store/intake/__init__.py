"""The table log and the dead letters."""
