"""The default scorecard's page rules on addresses of real products' shapes: the act counts, not the
word."""

from pathlib import Path

import pytest

from healthsvc.wire.pages.rules import PageRules
from healthsvc.wire.scorecards.document import compile_document

RULES = compile_document("").pages


def lines(name: str) -> list[str]:
    text = (Path(__file__).parent / name).read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pairs(name: str) -> list[tuple[str, str]]:
    """Kind and address of each line; the kind is - where the address is a lookalike."""
    split = [line.partition(" ") for line in lines(name)]
    return [(kind, url) for kind, _, url in split]


def test_the_act_of_leaving_is_recognised() -> None:
    assert [url for url in lines("leaving.txt") if RULES.kind_of(url) != "cancel"] == []


def test_the_word_alone_is_not_leaving() -> None:
    assert [url for url in lines("staying.txt") if RULES.kind_of(url) == "cancel"] == []


def test_addresses_of_real_products() -> None:
    products = pairs("products.txt")
    wrong = [
        url for kind, url in products if (RULES.kind_of(url) == "cancel") != (kind == "cancel")
    ]

    assert len(products) > 30
    assert wrong == []


def test_other_kinds_are_as_strict() -> None:
    expected = {url: kind.replace("-", "other") for kind, url in pairs("kinds.txt")}
    actual = {url: RULES.kind_of(url) or "other" for url in expected}
    wrong = {url: actual[url] for url, kind in expected.items() if actual[url] != kind}

    assert wrong == {}


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Cancel your plan", "cancel"),
        ("Cancel subscription – Acme", "cancel"),
        ("Acme | Delete account", "cancel"),
        ("Konto löschen · Acme", "cancel"),
        ("Encerrar minha conta", "cancel"),
        ("Darse de baja - Acme", "cancel"),
        ("Résilier mon abonnement", "cancel"),
        ("Cancel meeting", None),
        ("How to cancel your subscription", None),
        ("Cancellation policy", None),
        ("Orders", None),
    ],
)
def test_a_title_speaks_where_the_address_says_nothing(title: str, kind: str | None) -> None:
    assert RULES.kind_of("https://app.example.com/", title) == kind
    assert RULES.kind_of(None, title) == kind


def test_a_title_does_not_overrule_an_address_that_a_rule_knows() -> None:
    assert RULES.kind_of("https://www.example.com/blog/1", "Cancel subscription") == "other"
    assert RULES.kind_of("https://app.example.com/pricing", "Delete account") == "pricing"


def test_a_scorecard_without_page_kinds_keeps_the_former_word_lists() -> None:
    former = PageRules(None)

    assert former.kind_of("https://app.example.com/orders/123/cancel") == "cancel"
    assert former.kind_of("https://app.example.com/deleteAccount") is None


def test_no_rule_of_the_default_is_without_effect_on_the_tables() -> None:
    urls = [*lines("leaving.txt"), *lines("staying.txt"), *(url for _, url in pairs("kinds.txt"))]
    titles = [RULES.match(None, title) for title in ("Cancel plan", "Kündigung", "Excluir conta")]
    matches = [*(RULES.match(url) for url in urls), *titles]
    ranks = {int(m.rule.split("/")[2]) for m in matches if m is not None}

    assert ranks == set(range(len(RULES.kinds)))


@pytest.mark.parametrize(
    "url",
    [
        *("https://app.example.com/account/delete", "https://app.example.com/settings/delete"),
        *("https://app.example.com/delete-my-account", "https://app.example.com/deleteAccount"),
        "https://app.example.com/account/cancelPlan",
        "https://app.example.com/subscription/terminate",
        "https://app.example.com/index.php?route=account/cancel",
        "https://app.example.de/vertrag/kuendigungsformular",
        "https://app.example.com.br/encerrar-minha-conta",
        "https://app.example.com.br/desativar-conta",
        "https://app.example.fr/compte/supprimer",
    ],
)
def test_addresses_of_leaving_that_word_lists_missed(url: str) -> None:
    assert RULES.kind_of(url) == "cancel"


@pytest.mark.parametrize(
    "url",
    [
        "https://www.example.com/blog/how-to-cancel-a-gym-contract",
        "https://docs.example.com/workflows/cancel",
        "https://help.example.com/articles/cancel-a-scheduled-report",
        "https://app.example.com/orders/4711/cancel",
        "https://app.example.com/checkout/cancel",
        "https://app.example.com/features/noise-cancelling",
        "https://app.example.com.br/pedidos/4711/cancelar",
        "https://app.example.com/project/plan",
        "https://app.example.com/lesson-plan/4",
        "https://app.example.com/products/12/price",
    ],
)
def test_addresses_that_word_lists_took_for_leaving_or_prices(url: str) -> None:
    assert RULES.kind_of(url) not in ("cancel", "pricing")
