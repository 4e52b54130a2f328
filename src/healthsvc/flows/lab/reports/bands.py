"""The replay of a health score as one self-contained HTML page: its bands over time, and what they
came to."""

from html import escape
from typing import Any, Final

from healthsvc.flows.lab.reports.pictures import Axes, document, figure, percent

NAMES: Final = {"live": "The live scorecard", "scorecard": "The other scorecard"}
GREEN_TO_RED: Final = ("#2f9e62", "#c6d95a", "#f2a93b", "#d64545")
GREY: Final = "#cbd2d9"
COUNTED: Final = {
    "counted": (
        "An event was known when the service had counted it: these are the scores that it would"
        " have told."
    ),
    "occurred": "An event was known when it had happened, whenever the service came to count it.",
}


def page(result: dict[str, Any]) -> str:
    """The page of what `flows.lab.replay` tells."""
    dates = result["dates"]
    first, last = dates["first"][:10], dates["last"][:10]
    parts = [
        f"<h1>The health score from {first} to {last}</h1>",
        (
            f"<p>{result['events']['folded']:,} events of {result['customers']:,} customers, seen"
            f" on {dates['count']} dates. {COUNTED[result['known_by']['rule']]}</p>"
        ),
        "".join(f'<p class="no">{escape(warning)}</p>' for warning in result["warnings"]),
    ]
    sides = {name: result[side] for side, name in NAMES.items() if result.get(side) is not None}
    for name, side in sides.items():
        parts += [
            f"<h2>{name}</h2>",
            _over_time(side),
            _legend(side),
            _figures(side, result["flip_days"]),
        ]
        parts += [_foretold(side["foretold"]), _segments(side["by_segment"])]
    if "against_live" in result:
        parts += [
            "<h2>Who would be in another band on the last date</h2>",
            _against(result["against_live"]),
        ]
    return document(f"Health score {first} to {last}", parts)


def _colours(bands: list[str]) -> dict[str, str]:
    """From green to red, however many there are."""
    last = max(1, len(bands) - 1)
    steps = len(GREEN_TO_RED) - 1
    colours = {name: GREEN_TO_RED[round(i / last * steps)] for i, name in enumerate(bands)}
    return {**colours, "not_enough_evidence": GREY}


def _over_time(side: dict[str, Any]) -> str:
    """Shares of the bands, one on the other, the worst lowest."""
    dates = [d for d in side["by_date"] if d["customers"]]
    ends = (dates[0]["date"][:10], dates[-1]["date"][:10]) if dates else None
    axes = Axes((0, max(1, len(dates) - 1)), (0, 1), wide=860, ends=ends)
    below, drawn = [0.0] * len(dates), []
    for name, colour in reversed(_colours(side["bands"]).items()):
        above = [b + (d["shares"][name] or 0.0) for b, d in zip(below, dates, strict=True)]
        edge = [axes.at(i, y) for i, y in enumerate(above)] + [
            axes.at(i, y) for i, y in reversed(list(enumerate(below)))
        ]
        points = " ".join(f"{x},{y}" for x, y in edge)
        drawn.append(
            f'<polygon points="{points}" fill="{colour}"><title>{escape(name)}</title></polygon>'
        )
        below = above
    return figure(axes, "".join(drawn), "Share of the customers in each band, by date")


def _legend(side: dict[str, Any]) -> str:
    colours = _colours(side["bands"]).items()
    return (
        "<p>"
        + " ".join(f'<span style="color:{c}">■</span> {_words(name)}' for name, c in colours)
        + "</p>"
    )


def _figures(side: dict[str, Any], flip_days: int) -> str:
    flips, alerts = side["flips_per_100_customers_and_quarter"], side["alerts_per_week"]
    of = (
        "each owner"
        if side["csms"] == "owners"
        else f"each CSM of {side['csms'].removesuffix(' each')}"
    )
    kinds = (
        ", ".join(f"{_words(kind)} {count:,}" for kind, count in side["alerts_by_kind"].items())
        or "none"
    )
    return (
        f"<p>{_number(flips)} flips per 100 customers and quarter (a change of band taken back in"
        f" {flip_days} days). {_number(alerts)} alerts a week,"
        f" {_number(side['alerts_per_csm_and_week'])} for {of}: {kinds}.</p>"
    )


def _foretold(outcomes: dict[str, Any] | None) -> str:
    if outcomes is None:
        return (
            "<p>Nobody is known to have left, so nothing can be said of what the bands"
            " foretold.</p>"
        )
    head = (
        "<th></th><th>precision</th><th>lift</th><th>recall</th><th>14 d ahead</th><th>30 d"
        " ahead</th>"
    )
    rows = "".join(
        f"<tr><td>{_words(red['red'])}</td><td>{percent(red['precision'])}</td><td>{_number(red['lift'])}</td>"
        f"<td>{percent(red['recall'])}</td><td>{percent(red.get('caught_14_days_ahead'))}</td>"
        f"<td>{percent(red.get('caught_30_days_ahead'))}</td></tr>"
        for red in outcomes["red"]
    )
    return (
        f"<p>Who gave notice within {outcomes['horizon_days']:g} days:"
        f" {percent(outcomes['base_rate'])} of all.</p><table><tr>{head}</tr>{rows}</table>"
    )


def _segments(segments: dict[str, dict[str, Any]]) -> str:
    if not segments:
        return ""
    names = list(next(iter(segments.values()))["shares_on_the_last_date"])
    head = "".join(f"<th>{_words(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{escape(segment)}</td><td>{figures['customers']:,}</td>"
        + "".join(f"<td>{percent(figures['shares_on_the_last_date'][name])}</td>" for name in names)
        + f"<td>{_number(figures['flips_per_100_customers_and_quarter'])}</td></tr>"
        for segment, figures in segments.items()
    )
    return (
        "<table><tr><th>segment, on the last"
        f" date</th><th>customers</th>{head}<th>flips</th></tr>{rows}</table>"
    )


def _against(comparison: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{_words(m['live'])}</td><td>{_words(m['scorecard'])}</td><td>{m['customers']:,}</td></tr>"
        for m in comparison["on_the_last_date"]
    )
    customers = "".join(
        f"<tr><td>{escape(m['customer_id'])}</td><td>{_words(m['band_live'] or 'none')}"
        f" {_number(m['score_live'])}</td><td>{_words(m['band'] or 'none')}"
        f" {_number(m['score'])}</td></tr>"
        for m in comparison["moved"]
    )
    return (
        f"<p>On {percent(comparison['disagree'])} of all customers and dates the two disagree.</p>"
        f"<table><tr><th>live</th><th>the other</th><th>customers</th></tr>{rows}</table>"
        + (
            f"<table><tr><th>customer</th><th>live</th><th>the other</th></tr>{customers}</table>"
            if customers
            else ""
        )
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _words(name: str) -> str:
    return escape(name.replace("_", " "))
