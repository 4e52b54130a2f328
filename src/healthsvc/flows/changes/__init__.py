"""Changes: recorded in the transaction that decides them, and read as a feed.

One way in, `record`, for whatever decides: it numbers changes, sends the webhooks that somebody
subscribed to, and appends them to the feed. Nothing here decides.
"""
