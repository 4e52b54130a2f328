"""Alerts are ranked by what a call is worth now, and say why."""

import pytest

from healthsvc.core.insights.rank import Worth, ranks
from healthsvc.core.instants import DAY_US
from healthsvc.core.phrases.alert_rank import why

HOUR_US = DAY_US // 24


def worth(severity: str = "warning", **changes: object) -> Worth:
    given = {
        "risk": 0.3,
        "mrr": 100.0,
        "age_us": HOUR_US,
        "spoken_since": False,
        "over_cap": False,
    } | changes
    return Worth(severity=severity, **given)  # type: ignore[arg-type]  # tests say what they mean


def points(*worths: Worth) -> list[float]:
    return [rank.points for rank in ranks(worths)]


@pytest.mark.parametrize(
    ("more", "less"),
    [
        (worth("critical"), worth("warning")),
        (worth("warning"), worth("info")),
        (worth(risk=0.9), worth(risk=0.1)),
        (worth(mrr=900.0), worth(mrr=50.0)),
        (worth(age_us=60_000_000), worth(age_us=3 * HOUR_US)),
        (worth(age_us=2 * DAY_US), worth(age_us=9 * DAY_US)),
        (worth(), worth(spoken_since=True)),
        (worth(), worth(over_cap=True)),
        (
            worth("critical", risk=0.0, mrr=1.0, age_us=30 * DAY_US),
            worth("info", risk=0.9, age_us=0),
        ),
    ],
)
def test_a_call_is_worth_more_where_more_is_at_stake_and_it_is_fresh(
    more: Worth, less: Worth
) -> None:
    high, low = points(more, less)

    assert high > low


def test_a_signal_loses_most_in_the_first_hours() -> None:
    now, hour, day, two = points(*(worth(age_us=age) for age in (0, HOUR_US, DAY_US, 2 * DAY_US)))

    assert now - hour > 3
    assert day - two < now - hour


def test_the_parts_add_up_to_the_points_and_what_is_not_known_counts_half() -> None:
    (rank,) = ranks([worth(risk=None, mrr=None)])

    assert rank.points == pytest.approx(sum(part.points for part in rank.parts))
    assert {p.part: p.points for p in rank.parts} | {"freshness": 0} == {
        "severity": 25.0,
        "risk": 10.0,
        "money": 7.5,
        "freshness": 0,
    }


def test_a_rank_says_why_in_both_languages() -> None:
    (rank,) = ranks([worth("critical", mrr=1490.0, age_us=12 * 60_000_000, over_cap=True)])

    assert (
        why("en", rank, "ranking")
        == "Critical; low churn risk; pays 1,490 a month; began 12 minutes ago; contacted often"
        " enough lately."
    )
    assert (
        why("pt", rank, "ranking")
        == "Crítico; risco de cancelamento baixo; paga 1.490 por mês; começou há 12 minutos;"
        " já contatado vezes suficientes nos últimos dias."
    )
