"""Every phrase is there in both languages, whole and clean."""

import re
from string import Formatter

import pytest

from healthsvc.core.phrases.catalogue import BANDS, NOUNS, PHRASES
from healthsvc.core.phrases.grammar import ARTICLES
from tests.core.phrases.rendered import CARD, FILE, rows, table

ROWS = list(rows())
ENGLISH = (
    *(
        "the",
        "of",
        "and",
        "with",
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "health",
        "risk",
        "since",
        "ago",
        "day",
    ),
    *(
        "days",
        "use",
        "uses",
        "usage",
        "feature",
        "features",
        "function",
        "ticket",
        "call",
        "from",
        "pays",
        "less",
    ),
    *(
        "which",
        "what",
        "customer",
        "customers",
        "score",
        "alert",
        "open",
        "their",
        "they",
        "them",
        "ask",
        "month",
    ),
    *(
        "invoice",
        "complaint",
        "page",
        "pages",
        "pricing",
        "cancel",
        "renewal",
        "silent",
        "churn",
        "warning",
        "by",
    ),
)
PORTUGUESE = (
    *(
        "de",
        "que",
        "não",
        "para",
        "com",
        "uma",
        "um",
        "cliente",
        "saúde",
        "dias",
        "em",
        "há",
        "os",
        "pela",
        "pelo",
    ),
    *(
        "mais",
        "foi",
        "está",
        "são",
        "da",
        "das",
        "dos",
        "na",
        "página",
        "uso",
        "risco",
        "alerta",
        "fatura",
        "e",
    ),
    *("mês", "começou", "paga", "função", "é", "ligue", "pergunte", "chamado"),
)


def placeholders(template: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(template) if field}


def words(text: str) -> set[str]:
    """Its words, without names in quotes or code, links and what the trade calls by an English
    name."""
    plain = re.sub(r"“[^”]*”|`[^`]*`|/\S+", " ", text)
    return set(re.findall(r"[^\W\d_]+", plain.lower()))


def test_both_languages_have_the_same_phrases_nouns_and_bands() -> None:
    assert PHRASES["en"].keys() == PHRASES["pt"].keys()
    assert NOUNS["en"].keys() == NOUNS["pt"].keys()
    assert BANDS["en"].keys() == BANDS["pt"].keys()


@pytest.mark.parametrize("key", sorted(PHRASES["en"]))
def test_a_phrase_asks_for_the_same_figures_in_both_languages(key: str) -> None:
    assert placeholders(PHRASES["en"][key]) == placeholders(PHRASES["pt"][key])


def test_a_phrase_with_a_plural_has_both_forms() -> None:
    ones = {key.removesuffix(".one") for key in PHRASES["en"] if key.endswith(".one")}
    others = {key.removesuffix(".other") for key in PHRASES["en"] if key.endswith(".other")}

    assert ones == others


@pytest.mark.parametrize("name", sorted(NOUNS["pt"]))
def test_a_portuguese_noun_begins_with_its_article_and_says_whether_it_is_plural(name: str) -> None:
    noun = NOUNS["pt"][name]
    article = noun.text.partition(" ")[0]

    assert article in (*ARTICLES, "um", "uma")
    assert noun.plural == (article in ("os", "as"))


def test_every_measure_flag_and_band_of_the_default_scorecard_has_a_name() -> None:
    card = CARD.scorecard

    assert {m.name for m in card.measures} <= NOUNS["en"].keys()
    assert {f.name for f in card.flags} <= NOUNS["en"].keys()
    assert {b.name for b in card.bands} == BANDS["en"].keys()


def test_every_text_of_the_default_scorecard_is_given_in_both_languages() -> None:
    card, loyalty = CARD.scorecard, CARD.program.relationship.loyalty
    assert loyalty is not None
    texts = [m.why for m in card.measures] + [t for f in card.flags for t in (f.title, f.play)]
    texts += [t for p in loyalty.parts for t in (p.why, p.play)]

    assert [
        text for text in texts if bool(text.en) != bool(text.pt) or (text and text.en == text.pt)
    ] == []


def test_every_alert_of_the_default_scorecard_has_a_play() -> None:
    assert [f.name for f in CARD.scorecard.flags if f.severity is not None and not f.play] == []


@pytest.mark.parametrize(("name", "english", "portuguese"), ROWS, ids=[row[0] for row in ROWS])
def test_a_sentence_is_whole_and_in_one_language(name: str, english: str, portuguese: str) -> None:
    for text in (english, portuguese):
        assert text == text.strip()
        assert not re.search(r"  | [.,;:!?]|[{}]|\.\.|None|\bnan\b", text), text
    assert words(portuguese).isdisjoint(ENGLISH), words(portuguese) & set(ENGLISH)
    assert words(english).isdisjoint(PORTUGUESE), words(english) & set(PORTUGUESE)


def test_a_risk_that_is_a_ranking_is_never_a_percentage() -> None:
    told = [
        text
        for name, *both in ROWS
        for text in both
        if name.startswith("rank:") or re.search(r"churn risk|risco de", text)
    ]

    assert len(told) > 8
    assert [text for text in told if "%" in text] == []


def test_the_table_of_all_sentences_is_the_one_that_was_read() -> None:
    """Read what changed, then write it anew: python -m tests.core.phrases.rendered."""
    assert FILE.read_text() == table()
