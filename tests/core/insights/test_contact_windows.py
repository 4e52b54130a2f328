"""Not at the customer's peak hours, in its own time, and not as a nuisance."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from healthsvc.core.insights.contact_windows import contacts_within, hours, next_window
from tests.core.folded import us
from tests.core.scoring.test_evaluate import contact, fold, used

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, tzinfo=BERLIN)


def week(by_hour: dict[int, int], *, days: range = range(5)) -> list[datetime]:
    return [
        MONDAY + timedelta(days=d, hours=h)
        for d in days
        for h, n in by_hour.items()
        for _ in range(n)
    ]


def test_the_window_is_when_they_are_there_and_not_when_they_are_busiest() -> None:
    found = hours(week({8: 1, 9: 6, 10: 10, 11: 9, 12: 2, 13: 2, 14: 5, 15: 4, 16: 3, 17: 1}))

    assert found.peak == (10, 11)
    assert found.windows == ((12, 14), (16, 18))
    assert found.known


def test_weekends_and_nights_of_a_machine_are_no_time_to_call() -> None:
    nightly = hours(week({2: 50, 9: 10, 10: 30, 11: 8}))

    assert all(begin >= 8 and end <= 18 for begin, end in nightly.windows)
    assert not hours(week({3: 9}, days=range(5, 7)) * 5).known


def test_with_too_few_acts_the_usual_hours_are_named_as_such() -> None:
    found = hours(week({9: 1}))

    assert (found.windows, found.known) == (((10, 12), (14, 16)), False)


def test_the_next_window_is_on_a_working_day_and_now_if_one_is_open() -> None:
    friday = datetime(2026, 3, 6, 11, 30, tzinfo=BERLIN)

    assert next_window([(10, 12)], friday) == friday
    assert next_window([(10, 12)], friday + timedelta(hours=1)) == datetime(
        2026, 3, 9, 10, tzinfo=BERLIN
    )
    assert next_window([(14, 16), (10, 12)], friday + timedelta(hours=1)) == datetime(
        2026, 3, 6, 14, tzinfo=BERLIN
    )


def test_contacts_of_the_last_days_are_counted_up_to_three() -> None:
    state = fold(*used(0, 1, 2), *(contact(day, "positive") for day in (1, 20, 24, 26, 27)))

    def counted(days: int) -> int | None:
        return contacts_within(state.view(us(28)), 0, days)

    assert [counted(1), counted(3), counted(7), counted(90)] == [0, 2, 3, 3]


def test_who_calls_us_is_not_bothered_by_it_and_who_could_not_be_reached_was_disturbed_all_the_same() -> (
    None
):
    inbound = (27.0, "contact.logged", {"outcome": "positive", "direction": "inbound"})
    unreached = (27.0, "contact.logged", {"outcome": "no_answer", "direction": "outbound"})

    assert contacts_within(fold(*used(0), inbound).view(us(28)), 0, 7) == 0
    assert contacts_within(fold(*used(0), unreached).view(us(28)), 0, 7) == 1
