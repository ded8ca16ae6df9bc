"""Sign-up, log-in and log-out."""

import time
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from chat.people import accounts, sessions
from chat.push import subscriptions
from web import schemas
from web.api.responses import ACCOUNTS, PREFIX, SECURITY, responses
from web.auth import session
from web.services import services, stores

api = APIBlueprint("accounts", __name__, url_prefix=PREFIX, abp_tags=[ACCOUNTS])


@api.post("/signup", responses=responses(201, schemas.SignedIn, 400, 409, 413, 415))
def sign_up(body: schemas.SignUp) -> tuple[dict[str, Any], int]:
    """Create an account"""
    services().limits.take_sign_up()
    user = accounts.sign_up(stores(), services().passwords, body.email, body.username, body.password)
    return {"user": accounts.private(user), "token": services().tokens.issue(user["_id"])}, 201


@api.post("/login", responses=responses(200, schemas.SignedIn, 400, 401, 413, 415))
def log_in(body: schemas.LogIn) -> dict[str, Any]:
    """Log in: get a token for an email and a password"""
    with services().limits.log_in(accounts.email_key(body.email)):
        own = services()
        user, token = accounts.log_in(own.stores, own.passwords, body.email, body.password, own.tokens.issue)
        return {"user": accounts.private(user), "token": token}


@api.post("/logout", responses=responses(204, None, 400, 401, 413, 415), security=SECURITY)
def log_out() -> Response:
    """Log out: end this token's session on every process"""
    own = session()
    sessions.end(stores(), own.user_id, own.token_id, own.expires - int(time.time()))
    subscriptions.end_with(stores(), own)
    return Response(status=204)
