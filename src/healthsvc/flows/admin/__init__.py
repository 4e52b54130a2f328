"""Keys and retention: who may call the API, and how long data is kept."""
