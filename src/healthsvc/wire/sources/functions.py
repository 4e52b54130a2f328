"""The functions of a mapping's expressions, beside those of JMESPath."""

import hashlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jmespath import functions
from jmespath.functions import signature

from healthsvc.wire.sources.consumer_domains import is_consumer_domain

ZERO_DECIMAL: Final = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
"""Currencies whose amounts Stripe sends in whole units."""
THREE_DECIMAL: Final = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_MONTHS: Final = {"day": 12 / 365.25, "week": 7 * 12 / 365.25, "month": 1.0, "year": 12.0}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECONDS: Final = 10_000_000_000
_ANY: Final[dict[str, list[str]]] = {"types": []}
_TEXT_OR_NULL: Final = {"types": ["string", "null"]}


class MappingFunctions(functions.Functions):  # type: ignore[misc]  # jmespath ships without types
    """Functions that answer null where their argument is null or can't be read."""

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_epoch(self, seconds: Any) -> str | None:
        """Seconds since 1970 as an instant."""
        return _instant(seconds, 1)

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_epoch_ms(self, milliseconds: Any) -> str | None:
        """Milliseconds since 1970 as an instant."""
        return _instant(milliseconds, 1000)

    @signature(_ANY, _ANY)  # type: ignore[untyped-decorator]
    def _func_money(self, minor: Any, currency: Any) -> float | None:
        """An amount in minor units as one in the currency's own unit."""
        amount = _number(minor)
        if amount is None:
            return None
        code = currency.upper() if isinstance(currency, str) else ""
        if code in ZERO_DECIMAL:
            return amount
        return amount / (1000 if code in THREE_DECIMAL else 100)

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_number(self, value: Any) -> float | int | None:
        """A number, or a text that is one."""
        amount = _number(value)
        return int(amount) if amount is not None and amount.is_integer() else amount

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_text(self, value: Any) -> str | None:
        """A text, or a number as text; null for anything else, and for an empty text."""
        return _text(value)

    @signature(_TEXT_OR_NULL)  # type: ignore[untyped-decorator]
    def _func_lower(self, value: str | None) -> str | None:
        return None if value is None else value.lower()

    @signature(_TEXT_OR_NULL)  # type: ignore[untyped-decorator]
    def _func_upper(self, value: str | None) -> str | None:
        return None if value is None else value.upper()

    @signature(_TEXT_OR_NULL)  # type: ignore[untyped-decorator]
    def _func_domain(self, value: str | None) -> str | None:
        """The domain of an e-mail address, in lower case."""
        if value is None or "@" not in value:
            return None
        return value.rpartition("@")[2].strip(" >").lower() or None

    @signature(_TEXT_OR_NULL)  # type: ignore[untyped-decorator]
    def _func_company_domain(self, value: str | None) -> str | None:
        """The domain of an e-mail address; null for one where anybody has addresses."""
        domain = self._func_domain(value)
        return None if domain is None or is_consumer_domain(domain) else domain

    @signature(_TEXT_OR_NULL, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_after(self, value: str | None, mark: str) -> str | None:
        """What follows the last `mark` in a text; all of it where the mark isn't there."""
        return None if value is None else value.rpartition(mark)[2]

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_first(self, values: Any) -> Any:
        """The first element that isn't null."""
        if not isinstance(values, list):
            return values
        return next((value for value in values if value is not None), None)

    @signature({"types": ["object"]}, _ANY)  # type: ignore[untyped-decorator]
    def _func_lookup(self, table: dict[str, Any], key: Any) -> Any:
        """What the table has for a key; null without it."""
        return table.get(key) if isinstance(key, str) else None

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_entries(self, table: Any) -> list[dict[str, Any]]:
        """An object as a list of {key, value}, one for each element of its arrays."""
        if not isinstance(table, dict):
            return []
        return [
            {"key": key, "value": value}
            for key, values in table.items()
            for value in (values if isinstance(values, list) else [values])
        ]

    @signature(_ANY, _ANY)  # type: ignore[untyped-decorator]
    def _func_pair(self, key: Any, value: Any) -> dict[str, Any] | None:
        """An object of one member."""
        return {key: value} if isinstance(key, str) else None

    @signature(_ANY, _ANY, _ANY, _ANY)  # type: ignore[untyped-decorator]
    def _func_monthly(self, amount: Any, quantity: Any, interval: Any, count: Any) -> float | None:
        """What a price of this interval, such as `month`, comes to in a month."""
        price, months = _number(amount), _MONTHS.get(interval if isinstance(interval, str) else "")
        if price is None or months is None:
            return None
        intervals = _number(count) or 1.0
        units = _number(quantity)
        return price * (1.0 if units is None else units) / (months * intervals)

    @signature({"types": ["array"]})  # type: ignore[untyped-decorator]
    def _func_key(self, parts: list[Any]) -> str | None:
        """An id made of several values: the same values make the same id; null if all are null."""
        if all(part is None for part in parts):
            return None
        joined = "\0".join("" if part is None else str(part) for part in parts)
        return hashlib.sha256(joined.encode()).hexdigest()[:32]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if float(value).is_integer() else str(value)


def _instant(value: Any, scale: int) -> str | None:
    number = _number(value)
    if number is None or not 0 <= number / scale <= _LATEST_SECONDS:
        return None
    instant = _EPOCH + timedelta(seconds=number / scale)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
