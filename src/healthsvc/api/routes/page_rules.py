"""The live scorecard's page rules: tried on addresses, and rules for pages that none knows."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import INVALID_REQUEST
from healthsvc.api.responses import answers
from healthsvc.flows.pages import live_rules
from healthsvc.wire.rest.pages import (
    PageMatches,
    PagesAsked,
    PageSuggestions,
    SuggestionsAsked,
    to_match,
    to_suggestions,
)

router = APIRouter(tags=["scorecards"])
Reader = Annotated[Principal, require("customers:read", "scorecards:admin")]


@router.get(
    "/v1/pages/test",
    operation_id="test_pages",
    summary="Try the page rules on addresses",
    responses=answers(PageMatches, INVALID_REQUEST),
)
async def match_pages(
    request: Request, _: Reader, asked: Annotated[PagesAsked, Query()]
) -> PageMatches:
    """Which kind of page each address leads to, and which rule of the live scorecard decided.
    Nothing is recorded. Scope: `customers:read` or `scorecards:admin`."""
    rules = await live_rules.live_rules(services(request).engine)
    return PageMatches(items=[to_match(rules, url, asked.title) for url in asked.url])


@router.get(
    "/v1/pages/suggestions",
    operation_id="suggest_page_rules",
    summary="Propose rules for pages that no rule knows",
    responses=answers(PageSuggestions, INVALID_REQUEST),
)
async def suggest_page_rules(
    request: Request, _: Reader, asked: Annotated[SuggestionsAsked, Query()]
) -> PageSuggestions:
    """Reads a sample of the archive's page views. The most frequent pages that the live scorecard
    doesn't know come with a rule for `page_kinds`. Scope: `customers:read` or
    `scorecards:admin`."""
    return to_suggestions(await live_rules.suggestions(services(request).engine, asked.limit))
