"""Page views of the archive."""
