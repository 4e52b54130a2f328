"""The command `migrate`."""

import asyncio

from healthsvc.cli.options import AsJson, show
from healthsvc.cli.service import service_settings
from healthsvc.wiring.database import any_database, install


def migrate(as_json: AsJson = False) -> None:
    """Create the database or bring it up to date. Does nothing when it is.

    Without HEALTHSVC_DATABASE_URL it creates the embedded database in HEALTHSVC_DATA_DIR.
    """
    with service_settings() as settings, any_database(settings, create=True) as url:
        revision = asyncio.run(install(url, settings))
        show({"revision": revision}, as_json, f"The database is at revision {revision}.")
