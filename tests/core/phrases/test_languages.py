"""Which language a request asks for."""

import pytest

from healthsvc.core.languages import Language, accepted, named


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"), ("en-US", "en"), ("en-GB", "en"), ("EN_us", "en"),
        ("pt", "pt"), ("pt-BR", "pt"), ("pt_BR", "pt"), ("PT-br", "pt"), ("pt-Latn-BR", "pt"),
        ("de", None), ("", None), ("english", None), ("pt-", None), ("ptBR", None), ("*", None),
        ("en\n", None),
    ],
)  # fmt: skip
def test_a_tag_names_one_of_our_languages_or_none(tag: str, language: Language | None) -> None:
    assert named(tag) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("pt-BR", "pt"),
        ("pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7", "pt"),
        ("en;q=0.5, pt;q=0.8", "pt"),
        ("pt;q=0.5, en;q=0.8", "en"),
        ("pt, en", "pt"),
        ("en, pt", "en"),
        ("de, fr;q=0.9", "en"),
        ("de, pt;q=0.1", "pt"),
        ("*", "en"),
        ("*;q=0.5, pt;q=0.1", "en"),
        ("en;q=0, *", "pt"),
        ("pt;q=0", "en"),
        ("en;q=0, pt;q=0", "en"),
        ("pt;q=high, en;q=0.1", "en"),
        ("pt ; Q=0.7 , en;q=0.2", "pt"),
        (";;;,,q=1", "en"),
    ],
)
def test_the_header_is_honoured_with_its_weights(header: str, language: Language) -> None:
    assert accepted(header) == language
