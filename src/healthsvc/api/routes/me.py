"""Who a key is."""

from typing import Annotated

from fastapi import APIRouter, Depends

from healthsvc.api.auth import Principal, authenticated
from healthsvc.api.responses import answers
from healthsvc.wire.rest.alerts import ActorTold
from healthsvc.wire.rest.keys import Me

router = APIRouter(tags=["keys"])


@router.get(
    "/v1/me",
    operation_id="get_me",
    summary="Tell whose key it is",
    responses=answers(Me),
)
async def get_me(principal: Annotated[Principal, Depends(authenticated)]) -> Me:
    """The name, scopes and expiry of the key that came with the request, and who acts by it. Any
    key may ask."""
    return Me(
        id=principal.id,
        name=principal.name,
        scopes=sorted(principal.scopes),
        expires_at=principal.expires_at,
        actor=ActorTold.model_validate(principal.actor.as_data()),
    )
