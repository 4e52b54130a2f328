"""Pages for people: sign-in, the day's worklist, customers and why each stands where it does.

Rendered by the server from what the flows return; nothing here reads the database by itself, and no
page asks another host for anything.
"""

from healthsvc.pages.rendering import HOME
from healthsvc.pages.routes import install

__all__ = ["HOME", "install"]
