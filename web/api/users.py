"""One's own profile, and the list of people."""

from contextlib import nullcontext
from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from chat.people import accounts
from chat.push import subscriptions
from chat.upkeep import erasure
from web import schemas
from web.api.responses import PEOPLE, PREFIX, SECURITY, responses
from web.auth import me, session
from web.compression import compressed
from web.services import services, stores

api = APIBlueprint("users", __name__, url_prefix=PREFIX, abp_tags=[PEOPLE], abp_security=SECURITY)


@api.get("/user/me", responses=responses(200, schemas.Me, 401))
def get() -> dict[str, Any]:
    """Your own profile"""
    return accounts.private(accounts.get(stores(), me()))


CHANGED = responses(200, schemas.Me, 400, 401, 403, 409, 413, 415)


@api.post("/user/me", responses=CHANGED, operation_id="change_me_old")
@api.patch("/user/me", responses=CHANGED)
def change(body: schemas.UserChange) -> dict[str, Any]:
    """Change your name, bio or password"""
    changes = accounts.Changes(body.username, body.bio, body.password, body.current_password)
    with services().limits.own_password(me()) if body.password is not None else nullcontext():
        changed = accounts.update(stores(), services().passwords, me(), changes, session().token_id)
        if body.password is not None:
            subscriptions.keep_only(stores(), session())
        return accounts.private(changed)


@api.delete("/user/me", responses=responses(204, None, 400, 401, 403, 413, 415))
def delete(body: schemas.UserDeletion) -> Response:
    """Delete your account, with its messages' text and its audio"""
    with services().limits.own_password(me()):
        erasure.leave(stores(), services().passwords, me(), body.password)
    return Response(status=204)


@api.get("/user/list", responses=responses(200, schemas.People, 401))
@compressed
def list_people(query: schemas.PeopleQuery) -> Response:
    """List people, sorted by name"""
    if query.id is not None:
        return jsonify(accounts.find_people(stores(), me(), query.id))
    return jsonify(accounts.list_people(stores(), me(), query.q, query.limit, query.offset))
