"""Scorecard documents: YAML in, the core's scorecard out, with the page rules that belong to it."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from healthsvc.core.document.relationship_section import relationship
from healthsvc.core.document.scorecard import from_document
from healthsvc.core.folding import facts
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.visits import VisitFilter
from healthsvc.core.risk.event_types import event_types
from healthsvc.core.risk.section import risk_rules
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.wire.pages.rules import PageRules
from healthsvc.wire.pages.visitors import Visitors

__all__ = ["ScorecardError", "compile_document", "default_document", "load"]


@dataclass(frozen=True, slots=True)
class Compiled:
    scorecard: Scorecard
    program: CompiledScorecard
    pages: PageRules
    """The document's rules for kinds of pages."""


@cache
def default_document() -> str:
    """The YAML of the default scorecard."""
    return resources.files("healthsvc.defaults").joinpath("scorecard.yaml").read_text()


def load(document: str) -> Any:
    """The data of a document that was checked when it came. Raises yaml.YAMLError, and what odd
    scalars raise."""
    return yaml.load(document, Loader=yaml.CSafeLoader)


def compile_document(document: str) -> Compiled:
    """Read a scorecard; an empty document is the default one. Raises ScorecardError with the path
    of the fault."""
    try:
        data = load(document or default_document())
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ScorecardError("/", f"isn't YAML: {error}") from error
    scorecard = from_document(data, facts=facts.NAMES)
    pages = PageRules(data.get("page_kinds"))
    rules = relationship(data, scorecard, facts.NAMES)
    types = event_types(data.get("event_types"))
    risk = risk_rules(data.get("risk"), types)
    visitors = Visitors(data.get("visitors"))
    visits = VisitFilter(visitors.is_counted, visitors.knows_staff) if visitors else None
    program = CompiledScorecard(scorecard, pages.kind_of, risk, rules, types, visits)
    return Compiled(scorecard, program, pages)
