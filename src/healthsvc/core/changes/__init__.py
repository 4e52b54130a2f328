"""Changes of customers as pollers and subscribers see them: the one filter language, and places in
the feed.

Pure data. Nothing here knows how changes are stored or worded.
"""
