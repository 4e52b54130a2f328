"""When a score can't be trusted to be new, as REST shows it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from healthsvc.wire.rest.shapes import Told


class Stale(Told):
    """A source, a segment or the whole fleet has fallen: what arrives about this customer isn't all
    there is."""

    since: datetime
    reason: Annotated[
        str, Field(description="What has fallen: `fleet`, `source:…` or `segment:…`.")
    ]
