"""What each process reports of its health, and what stands still, as rows that any process may
read."""
