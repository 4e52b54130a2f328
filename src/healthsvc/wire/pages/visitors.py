"""Whose visits don't count, by the scorecard's `visitors`: people of ours, robots, agents, test and
trial accounts.

A visit is an event whose data has the fields of `VisitData`: a page viewed, a feature used, a
session started.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose
from healthsvc.wire.events.catalogue import PageData, VisitData, VisitorMark
from healthsvc.wire.pages.robots import is_robot

CUSTOMER: Final = "customer"
STAFF: Final = "staff"
ROBOT: Final = "robot"
VISITORS: Final = tuple(mark for mark in get_args(VisitorMark) if mark != CUSTOMER)
MAX_TEXTS: Final = 1_000
REMEMBERED: Final = 50_000


class Visitors:
    """Compiled: who is left out, and how people of ours are known."""

    def __init__(self, section: object) -> None:
        """Read the section; None leaves nobody out. Raises ScorecardError."""
        reader = MappingReader({} if section is None else section, "/visitors")
        place = "/visitors/not_counted"
        names = _texts(reader.get("not_counted"), place)
        self._left_out = frozenset(
            choose(name, VISITORS, f"{place}/{i}") for i, name in enumerate(names)
        )
        contacts = _texts(reader.get("staff_contacts"), "/visitors/staff_contacts")
        self._contacts = frozenset(text for text in contacts if not text.endswith("*"))
        self._prefixes = tuple(text[:-1] for text in contacts if text.endswith("*"))
        domains = _texts(reader.get("staff_domains"), "/visitors/staff_domains")
        self._domains = tuple(f"@{domain.casefold().removeprefix('@')}" for domain in domains)
        reader.done()
        self._staff: dict[str, bool] = {}

    @property
    def knows_staff(self) -> bool:
        """Whether the contact alone can tell a person of ours."""
        has_names = bool(self._contacts or self._prefixes or self._domains)
        return has_names and STAFF in self._left_out

    def __bool__(self) -> bool:
        """Whether anybody is left out."""
        return bool(self._left_out)

    def is_counted(self, event: Any) -> bool:
        """Whether the visit is the customer's own; every other event counts."""
        data = event.data
        return not isinstance(data, VisitData) or self._visitor(event, data) not in self._left_out

    def _visitor(self, event: Any, data: VisitData) -> str:
        """Who visits: as the sender marks it, else a person of ours, else a robot."""
        if data.visitor is not None:
            return data.visitor
        if data.impersonated_by or (event.contact_id and self._is_staff(event.contact_id)):
            return STAFF
        on_page = isinstance(data, PageData)
        if data.user_agent is not None and ROBOT in self._left_out:
            return ROBOT if is_robot(data.user_agent, on_page=on_page) else CUSTOMER
        return CUSTOMER

    def _is_staff(self, contact: str) -> bool:
        is_staff = self._staff.get(contact)
        if is_staff is None:
            folded = contact.casefold()
            is_staff = contact in self._contacts or contact.startswith(self._prefixes)
            is_staff = is_staff or folded.endswith(self._domains)
            if len(self._staff) >= REMEMBERED:
                self._staff.clear()
            self._staff[contact] = is_staff
        return is_staff


def _texts(data: object, place: str) -> list[str]:
    """A list of texts; empty where there is none."""
    if data is None:
        return []
    if not isinstance(data, list) or len(data) > MAX_TEXTS:
        raise ScorecardError(place, f"must be a list of at most {MAX_TEXTS} texts")
    for i, text in enumerate(data):
        if not isinstance(text, str) or not 0 < len(text.strip("*@")) <= 200:
            raise ScorecardError(f"{place}/{i}", "must be text of 1 to 200 characters")
    return data


def visitors_schema() -> Mapping[str, Any]:
    """The section's JSON Schema."""
    texts = {"type": "array", "maxItems": MAX_TEXTS, "items": {"type": "string", "minLength": 1}}
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "description": "Whose page views, uses of features and sessions don't count. Left out: all "
        "of them count.",
        "properties": {
            "not_counted": {
                "type": "array",
                "items": {"enum": list(VISITORS)},
                "description": "staff: `impersonated_by`, or a contact of yours; robot: by "
                "`user_agent`; others, and these, as the sender marks them in `visitor`.",
            },
            "staff_contacts": texts
            | {"description": "Contact ids of your own people; a * at the end takes any ending."},
            "staff_domains": texts
            | {"description": "E-mail domains of your own people, as contact ids have them."},
        },
    }
