"""Notifications by Web Push: whether this browser gets them, and what they may show."""

from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from chat.push import subscriptions
from web import schemas
from web.api.responses import PREFIX, PUSH, SECURITY, responses
from web.auth import me, session
from web.services import stores

api = APIBlueprint("push", __name__, url_prefix=PREFIX, abp_tags=[PUSH], abp_security=SECURITY)


@api.get("/push", responses=responses(200, schemas.PushState, 401))
def get() -> dict[str, Any]:
    """The key to subscribe with, and what you have chosen"""
    return subscriptions.state(stores(), me(), session().token_id)


@api.put("/push", responses=responses(204, None, 400, 401, 404, 413, 415))
def subscribe(body: schemas.PushSubscription) -> Response:
    """Get notifications on this browser for as long as this session lasts, whenever you have no socket"""
    subscriptions.subscribe(stores(), session(), body.endpoint, body.keys.p256dh, body.keys.auth)
    return Response(status=204)


@api.patch("/push", responses=responses(204, None, 400, 401, 413, 415))
def change(body: schemas.PushChange) -> Response:
    """Choose whether your notifications, on every device, show what was written; at first they do not"""
    subscriptions.show_text(stores(), me(), body.shows_text)
    return Response(status=204)


@api.delete("/push", responses=responses(204, None, 400, 401, 413, 415))
def unsubscribe() -> Response:
    """End the notifications to this session's browser"""
    subscriptions.unsubscribe(stores(), me(), session().token_id)
    return Response(status=204)
