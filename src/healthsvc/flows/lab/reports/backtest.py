"""The backtest as one self-contained HTML page: figures and inline SVG pictures, nothing fetched
from anywhere."""

from html import escape
from itertools import pairwise
from typing import Any, Final

from healthsvc.flows.lab.reports.pictures import Axes, document, figure, number, percent

COLUMNS: Final = (
    ("auc", "AUC"), ("auc_error", "±"), ("auc_within_date", "within date"), ("average_precision",
    "avg. precision"),
    ("lift_top_tenth", "lift, top tenth"), ("precision_at_capacity", "precision at capacity"),
    ("brier_skill", "Brier skill"), ("ece", "ECE"), ("caught_14_days_ahead", "caught 14 d ahead"),
    ("alerts_per_csm_and_week", "alerts/CSM/week"),
)  # fmt: skip


def page(result: dict[str, Any]) -> str:
    """The page of a backtest's findings."""
    summary = result["summary"]
    title = f"Backtest: {summary['model']} over {result['horizon_days']:g} days"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_opening(result))}</p>",
        _gate(result["gate"]),
        "<h2>Beside the usual baselines</h2>",
        _table({summary["model"]: result["model"], **result["beside"]}),
        "".join(f"<p>{escape(note)}</p>" for note in result["not_run"]),
        f"<h2>By segment</h2>{_table(result['by_segment'])}" if result["by_segment"] else "",
        "<h2>Pictures</h2>",
        _reliability(result["model"].get("reliability")),
        _lift(result["lift_curve"]),
        _lead(result["model"].get("lead_days")),
        _distribution(result["distribution"]),
        "<h2>Risk steps</h2>",
        _steps(result["steps"], result["by_segment"]),
        "<h2>Terms: log-odds over the reference customer</h2>",
        _terms(result["model_data"]["model"]),
        "<h2>What was assumed</h2>",
        _mapping(summary["mapping"]),
        "".join(f"<p>{escape(w)}</p>" for w in summary["warnings"]),
    ]
    return document(title, parts)


def _opening(result: dict[str, Any]) -> str:
    model, summary = result["model"], result["summary"]
    kind = summary["risk_kind"].replace("_", " ")
    reason = f" ({summary['reason'].replace('_', ' ')})" if summary["reason"] != "fitted" else ""
    return (
        f"The number is a {kind}{reason}. Judged on {model['rows']:,} rows of"
        f" {model['customers']:,} customers from {result['judged_from']} on, base rate"
        f" {model['base_rate']:.1%}; fitted on {result['dates']['fitted']} earlier dates, only with"
        " what was known then."
    )


def _gate(gate: dict[str, Any]) -> str:
    items = "".join(
        _check(c["name"].replace("_", " "), c["detail"], passed=c["passed"]) for c in gate["checks"]
    )
    word = "may ship" if gate["may_ship"] else "doesn't pass the ship gate"
    reason = (
        f"<p>Overridden: {escape(gate['override_reason'])}</p>" if gate["override_reason"] else ""
    )
    return f"<h2>Ship gate: {word}</h2><ul>{items}</ul>{reason}"


def _check(name: str, detail: str, *, passed: bool) -> str:
    return (
        f'<li class="{"yes" if passed else "no"}">{"✓" if passed else "✗"} {escape(name)}:'
        f" {escape(detail)}</li>"
    )


def _table(rows: dict[str, dict[str, Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for _, name in COLUMNS)
    body = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{number(row.get(key))}</td>" for key, _ in COLUMNS)
        + "</tr>"
        for name, row in rows.items()
    )
    return f"<table><tr><th></th>{head}</tr>{body}</table>"


# Pictures
# --------------------------------------------------------------------------------------------------


def _reliability(bins: list[dict[str, float]] | None) -> str:
    if not bins:
        return "<p>A ranking makes no claim that a reliability picture could check.</p>"
    most = max(max(b["told"], b["happened"]) for b in bins) or 1.0
    axes = Axes((0, most), (0, most))
    points = [(b["told"], b["happened"]) for b in bins]
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="4" fill="#2563eb"/>'
        for x, y in (axes.at(*p) for p in points)
    )
    drawn = axes.line([(0, 0), (most, most)], "#9aa5b1", dashed=True) + axes.line(points) + dots
    return figure(
        axes, drawn, "Reliability: what happened against what was told, by tenths", "told"
    )


def _lift(curve: dict[str, Any]) -> str:
    points = [
        (0.0, 0.0),
        *zip(curve["share_of_customers"], curve["share_of_churners"], strict=True),
    ]
    axes = Axes((0, 1), (0, 1))
    drawn = axes.line([(0, 0), (1, 1)], "#9aa5b1", dashed=True) + axes.line(points)
    return figure(
        axes,
        drawn,
        "Lift: share of the churners among the riskiest customers",
        "share of customers",
    )


def _lead(days: list[float] | None) -> str:
    if not days:
        return (
            "<p>No instants of churn are told (or none was caught), so there is no lead time to"
            " draw.</p>"
        )
    most = max(max(days), 30.0)
    edges = [most * i / 15 for i in range(16)]
    counts = [
        sum(a <= d < b or (d == most and b == most) for d in days) for a, b in pairwise(edges)
    ]
    shares = [count / len(days) for count in counts]
    axes = Axes((0, most), (0, max(shares)))
    caption = "Lead time: days of unbroken red before churn, share of those caught"
    return figure(axes, axes.bars(edges, shares), caption, "days")


def _distribution(distribution: dict[str, Any]) -> str:
    shares = [count / sum(distribution["rows"]) for count in distribution["rows"]]
    axes = Axes((0, distribution["edges"][-1]), (0, max(shares)))
    return figure(
        axes,
        axes.bars(distribution["edges"], shares),
        "Distribution of the risk: share of the rows",
        "risk",
    )


def _steps(steps: dict[str, Any], segments: dict[str, dict[str, Any]]) -> str:
    """How the rows lie over the steps, for all and for each segment."""
    names = list(steps["shares"])
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    rows = {"share of the rows": steps["shares"], "left within the horizon": steps["churned"]}
    rows |= {f"share in {name}": figures["steps"]["shares"] for name, figures in segments.items()}
    body = "".join(
        f"<tr><td>{escape(title)}</td>"
        + "".join(f"<td>{percent(row[name])}</td>" for name in names)
        + "</tr>"
        for title, row in rows.items()
    )
    flips = steps["flips_per_customer_and_date"]
    entering = steps["entering_beyond_per_csm_and_week"]
    return (
        "<p>Odds of leaving against the mean of the first date judged. No health bands: those are"
        " of the score, which a file has"
        f" not.</p><table><tr><th></th>{head}</tr>{body}</table><p>From date to date"
        f" {percent(flips)} of the customers change step; {entering:.2f} a week enter the last one"
        " for each CSM.</p>"
    )


def _terms(model: Any) -> str:
    if not isinstance(model, dict):
        return (
            "<p>The prior: fewer acts over one and two horizons, and a larger share of trouble,"
            " mean more risk.</p>"
        )
    terms = sorted(model["terms"], key=lambda t: min(t["gives"]) - max(t["gives"]))
    drawn = []
    for term in terms:
        gives = [g - term["reference"] for g in term["gives"]]
        axes = Axes(
            (term["at"][0], term["at"][-1]), (min(-0.5, *gives), max(0.5, *gives)), 220, 150
        )
        zero = axes.line([(axes.x0, 0), (axes.x1, 0)], "#cbd2d9", dashed=True)
        drawn.append(
            figure(axes, zero + axes.line(list(zip(term["at"], gives, strict=True))), _name(term))
        )
    return f'<div class="terms">{"".join(drawn)}</div>'


def _name(feature: dict[str, Any]) -> str:
    """A feature as people read it; a product by its two."""
    if feature["feature"] == "product":
        return " × ".join(_name(one) for one in feature["of"])
    kind = str(feature["feature"]).replace("_", " ")
    return (
        f"{kind} {feature['source']}, {feature['half_life_days']:g} d"
        if "half_life_days" in feature
        else kind
    )


def _mapping(mapping: dict[str, dict[str, str]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(t)}</td><td>{escape(j['kind'])}</td><td>{escape(j['by'])}</td></tr>"
        for t, j in mapping.items()
    )
    return f"<table><tr><th>type</th><th>counts as</th><th>because</th></tr>{rows}</table>"
