"""The lab: replays a log with only what was known at each time, scores, fits and judges.

It reads files, or the archive written as one, and answers with data; it publishes nothing and
writes to no database. The scoring is the core's own.
"""
