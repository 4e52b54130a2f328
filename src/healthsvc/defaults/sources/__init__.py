"""The built-in sources, as files that a team copies and makes its own."""
