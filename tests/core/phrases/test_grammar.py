"""Numbers, dates, plurals and contractions of each language."""

from datetime import UTC, datetime

import pytest

from healthsvc.core.phrases.catalogue import counted, duration, noun
from healthsvc.core.phrases.grammar import (
    contract,
    day,
    join,
    number,
    percent,
    plain,
    without_article,
)
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.core.scorecard.texts import Text, text


def test_numbers_are_grouped_and_cut_as_the_language_does() -> None:
    assert (number("en", 1234.5, 1), number("pt", 1234.5, 1)) == ("1,234.5", "1.234,5")
    assert (number("en", -0.2), number("pt", -0.04, 1)) == ("0", "0,0")
    assert [plain("pt", value) for value in (3, 1.5, 0.25)] == ["3", "1,5", "0,25"]
    assert (percent("en", 0.125, 1), percent("pt", 0.125, 1)) == ("12.5%", "12,5%")


def test_dates_are_written_as_the_language_does() -> None:
    at = datetime(2026, 5, 4, tzinfo=UTC)

    assert (day("en", at), day("pt", at)) == ("4 May 2026", "04/05/2026")


@pytest.mark.parametrize(
    ("seconds", "english", "portuguese"),
    [
        (60, "1 minute", "1 minuto"),
        (3599, "59 minutes", "59 minutos"),
        (3600, "1 hour", "1 hora"),
        (86_400, "1 day", "1 dia"),
        (2.9 * 86_400, "2 days", "2 dias"),
    ],
)
def test_a_span_is_one_or_several_of_its_largest_unit(
    seconds: float, english: str, portuguese: str
) -> None:
    assert (duration("en", seconds), duration("pt", seconds)) == (english, portuguese)


def test_a_count_that_is_not_whole_is_plural_in_english_and_singular_below_two_in_portuguese() -> (
    None
):
    assert (counted("en", "span.day", 1.5), counted("pt", "span.day", 1.5)) == (
        "1.5 days",
        "1,5 dia",
    )


@pytest.mark.parametrize(
    ("preposition", "phrase", "joined"),
    [
        ("de", "as faturas em atraso", "das faturas em atraso"),
        ("em", "o uso", "no uso"),
        ("por", "a visita", "pela visita"),
        ("por", "os chamados", "pelos chamados"),
        ("por", "uma avaliação manual", "por uma avaliação manual"),
        ("de", "Acme", "de Acme"),
    ],
)
def test_a_portuguese_preposition_joins_the_article(
    preposition: str, phrase: str, joined: str
) -> None:
    assert contract(preposition, phrase) == joined


def test_lists_and_brackets() -> None:
    assert join("en", ["a", "b", "c"]) == "a, b and c"
    assert join("pt", ["a", "b"]) == "a e b"
    assert without_article("pt", noun("pt", "payments")) == "faturas em atraso"
    assert without_article("en", noun("en", "complaint_open")) == "an open complaint"


def test_a_text_in_one_language_stands_for_both_and_one_in_both_for_each() -> None:
    assert [text("Vai bem", "/x").within(language) for language in ("en", "pt")] == [
        "Vai bem",
        "Vai bem",
    ]
    assert text({"en": "Well", "pt": "Bem"}, "/x") == Text(en="Well", pt="Bem")
    assert text({"pt": "Bem"}, "/x").within("en") == "Bem"


@pytest.mark.parametrize(
    ("data", "path"), [({}, "/x"), ({"fr": "Bien"}, "/x/fr"), ({"en": 5}, "/x/en")]
)
def test_a_text_by_language_names_only_ours(data: object, path: str) -> None:
    with pytest.raises(ScorecardError) as refused:
        text(data, "/x")

    assert refused.value.path == path
