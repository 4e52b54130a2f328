"""Files of events and outcomes: NDJSON, CSV with a mapping, columns for the lab."""
