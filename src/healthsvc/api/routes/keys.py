"""API keys: made, listed, ended."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from healthsvc.api.auth import Authenticator, Principal, require
from healthsvc.api.deps import services
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import (
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import RequestFault, invalid, not_found
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.flows import lists
from healthsvc.flows.admin import keys
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest.keys import Key, KeyCreate, KeyCreated, Keys
from healthsvc.wire.rest.shapes import Paging

router = APIRouter(tags=["keys"], prefix="/v1/keys")
Admin = Annotated[Principal, require("admin")]
KeyId = Annotated[
    str, ENCODED, Path(description="The key's id, not the key.", examples=["key_7Qd2"])
]


@router.get(
    "",
    operation_id="list_keys",
    summary="List API keys",
    responses=answers(Keys, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_keys(request: Request, _: Admin, query: Annotated[Paging, Query()]) -> Keys:
    """API keys, newest first, ended ones too; never the keys themselves. Scope: `admin`."""
    return Keys.model_validate(await lists.api_keys(services(request).engine, query))


@router.post(
    "",
    operation_id="create_key",
    summary="Create an API key",
    status_code=201,
    responses=answers(
        KeyCreated, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, status=201
    ),
    openapi_extra=documented(KeyCreate),
)
async def create_key(
    request: Request,
    response: Response,
    principal: Admin,
    body: Annotated[KeyCreate, body_of(KeyCreate)],
) -> KeyCreated:
    """The `key` is shown this once. Scope: `admin`."""
    deps = services(request)
    now = deps.now()
    if body.expires_at is not None and body.expires_at <= now:
        raise invalid(RequestFault(pointer="/expires_at", detail="must be in the future"))
    new = await keys.create(
        deps.engine,
        now,
        pepper=deps.key_pepper,
        name=body.name,
        scopes=body.scopes,
        expires_at=body.expires_at,
        actor=principal.actor,
    )
    _forget(request)
    response.headers["location"] = f"/v1/keys/{new.key.id}"
    return KeyCreated(**Key.model_validate(new.key).model_dump(), key=new.text)


@router.delete(
    "/{key_id}",
    operation_id="revoke_key",
    summary="Revoke an API key",
    status_code=204,
    response_class=Response,
    responses=answers(None, NOT_FOUND, status=204),
)
async def revoke_key(request: Request, principal: Admin, key_id: KeyId) -> Response:
    """It opens nothing any more, within five seconds everywhere, and stays in the list. Scope:
    `admin`."""
    deps = services(request)
    is_possible = len(key_id) <= 200 and is_storable(key_id)
    if not is_possible or not await keys.revoke(
        deps.engine, deps.now(), key_id, actor=principal.actor
    ):
        raise not_found("key")
    _forget(request)
    return Response(status_code=204)


def _forget(request: Request) -> None:
    authenticator: Authenticator = request.app.state.authenticator
    authenticator.forget()
