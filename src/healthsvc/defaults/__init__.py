"""The default scorecard, as a file that a team copies and makes its own."""
