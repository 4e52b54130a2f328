"""The configuration of commands that run or install the service: checked to the last line before
anything starts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from healthsvc import settings as configuration
from healthsvc.cli.options import configured, stopping_on_sigterm
from healthsvc.settings import Settings, SettingsError
from healthsvc.telemetry import LogEvent
from healthsvc.wire.scorecards.document import ScorecardError, compile_document, load
from healthsvc.wire.scorecards.feed_conditions import check_conditions

log = structlog.get_logger(__name__)


@contextmanager
def service_settings() -> Iterator[Settings]:
    """The configuration; warns of variables that don't exist, and refuses a scorecard that can't be
    used."""
    with stopping_on_sigterm(), configured(log_level=None) as settings:
        for doubt in configuration.unknown(os.environ):
            log.warning(LogEvent.SETTING_UNKNOWN, why=doubt)
        _check_scorecard(settings)
        yield settings


def named_database(settings: Settings) -> str:
    """The database that is configured. Raises SettingsError where none is."""
    if settings.database is None:
        raise SettingsError(
            "HEALTHSVC_DATABASE_URL: not set; a role that runs alone needs a database that others"
            " share."
        )
    return settings.database


def _check_scorecard(settings: Settings) -> None:
    try:
        document = settings.scorecard_document or ""
        compile_document(document)
        if document:
            check_conditions(load(document))
    except (ScorecardError, OSError, UnicodeError) as error:
        raise SettingsError(f"HEALTHSVC_SCORECARD: {settings.scorecard}: {error}") from None
