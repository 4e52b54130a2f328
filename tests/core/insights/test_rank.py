"""Calls are ranked by money at stake x urgency x chance to save, and say why."""

import re

import pytest

from healthsvc.core.insights.rank import Worth, ranks
from healthsvc.core.instants import DAY_US
from healthsvc.core.phrases.alert_rank import why

HOUR_US = DAY_US // 24
BEST, WATCH, AT_RISK, CRITICAL = 0.0, 1 / 3, 2 / 3, 1.0


def worth(severity: str | None = "warning", **changes: object) -> Worth:
    facts = {"mrr": 100.0, "age_us": HOUR_US, "band_depth": AT_RISK, "quiet_us": 0} | changes
    return Worth(severity=severity, **facts)  # type: ignore[arg-type]  # tests say what they mean


def points(*worths: Worth) -> list[float]:
    return [rank.points for rank in ranks(worths)]


@pytest.mark.parametrize(
    ("more", "less"),
    [
        (worth("critical"), worth("warning")),
        (worth("warning"), worth("info")),
        (worth("info"), worth(None)),
        (worth(band_depth=CRITICAL), worth(band_depth=AT_RISK)),
        (worth(None, band_depth=CRITICAL), worth(None, band_depth=AT_RISK)),
        (worth(mrr=900.0), worth(mrr=50.0)),
        (worth(age_us=60_000_000), worth(age_us=3 * HOUR_US)),
        (worth(age_us=2 * DAY_US), worth(age_us=9 * DAY_US)),
        (worth(quiet_us=DAY_US), worth(quiet_us=60 * DAY_US)),
        (worth(), worth(spoken_since=True)),
        (worth(), worth(over_cap=True)),
        (worth(), worth(notice_given=True)),
        (worth(mrr=5000.0), worth(band_depth=BEST, mrr=400.0, age_us=0)),
        (worth("critical", mrr=1.0, age_us=30 * DAY_US), worth("info", band_depth=BEST, age_us=0)),
    ],
)
def test_a_call_is_worth_more_where_more_is_at_stake_sooner_and_can_be_saved(
    more: Worth, less: Worth
) -> None:
    high, low = points(more, less)

    assert high > low


def test_an_open_complaint_of_a_large_customer_comes_before_a_healthy_reader_of_prices() -> None:
    complaint = worth("warning", mrr=5000.0, band_depth=AT_RISK, age_us=20 * DAY_US)
    reader = worth("warning", mrr=300.0, band_depth=BEST, age_us=0)

    first, second = points(complaint, reader)

    assert first > 2 * second


def test_a_signal_loses_most_in_the_first_hours() -> None:
    now, hour, day, two = points(*(worth(age_us=age) for age in (0, HOUR_US, DAY_US, 2 * DAY_US)))

    assert now - hour > day - two > 0


def test_the_points_are_the_product_of_the_factors_and_what_is_not_known_is_typical() -> None:
    rank, other = ranks([worth(mrr=None), worth(mrr=100.0)])
    money, urgency, chance = rank.parts

    assert rank.points == pytest.approx(100 * money.factor * urgency.factor * chance.factor, 0.01)
    assert (money.factor, money.value) == (1.0, None)
    assert rank.points == other.points


def test_a_rank_says_why_in_both_languages_and_never_as_a_percentage() -> None:
    (rank,) = ranks([worth("critical", mrr=1490.0, age_us=12 * 60_000_000, notice_given=True)])

    assert why("en", rank) == (
        "Critical; began 12 minutes ago; low health; pays 1,490 a month;"
        " a fair chance to keep them; they have given notice."
    )
    assert why("pt", rank) == (
        "Crítico; começou há 12 minutos; saúde baixa; paga 1.490 por mês;"
        " chance razoável de manter o cliente; já avisou que vai sair."
    )
    assert not re.search("%", why("en", rank) + why("pt", rank))
