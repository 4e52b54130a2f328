"""Scorecard documents: YAML to the core's scorecard, schema, faults, differences, page kinds."""
