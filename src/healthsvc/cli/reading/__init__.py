"""Commands that read a running service through `healthsvc.client`, and print tables or JSON."""
