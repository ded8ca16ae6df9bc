"""A person's conversations: the list, the histories, and marking them read."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from chat.messages import conversations, history
from chat.people import muting
from chat.wire import Message
from web import schemas
from web.api.responses import CHAT, PREFIX, SECURITY, responses
from web.auth import me
from web.compression import compressed
from web.services import stores

api = APIBlueprint("conversations", __name__, url_prefix=PREFIX, abp_tags=[CHAT], abp_security=SECURITY)


@api.get("/conversations", responses=responses(200, schemas.Conversations, 401))
def list_conversations(query: schemas.ConversationsQuery) -> Response:
    """Your conversations, newest first"""
    return jsonify(conversations.list_conversations(stores(), me(), query.limit, query.before))


@api.get("/chat/<partnerId>", responses=responses(200, schemas.Messages, 401, 404))
@compressed
def get(path: schemas.PartnerPath, query: schemas.HistoryQuery) -> Response:
    """Your messages with somebody, oldest first"""
    found = _page(path.partner_id, query)
    if not found:
        conversations.require(stores(), me(), path.partner_id)
    return jsonify(found)


@api.post("/chat/<partnerId>/read", responses=responses(204, None, 400, 401, 404, 413, 415))
def mark_read(path: schemas.PartnerPath, body: schemas.ReadUpTo) -> Response:
    """Mark everything up to a message as read"""
    conversations.mark_read(stores(), me(), path.partner_id, body.up_to)
    return Response(status=204)


@api.get("/chat/<partnerId>/mute", responses=responses(200, schemas.Muting, 401, 404))
def get_mute(path: schemas.PartnerPath) -> dict[str, bool]:
    """Whether you have muted somebody, which the list of conversations tells only of those you have talked with"""
    return {"muted": muting.is_muted(stores(), me(), path.partner_id)}


@api.put("/chat/<partnerId>/mute", responses=responses(204, None, 400, 401, 404, 409, 413, 415))
def mute(path: schemas.PartnerPath) -> Response:
    """Ask for no notifications of somebody's messages"""
    muting.mute(stores(), me(), path.partner_id)
    return Response(status=204)


@api.delete("/chat/<partnerId>/mute", responses=responses(204, None, 400, 401, 404, 413, 415))
def unmute(path: schemas.PartnerPath) -> Response:
    """Be notified of somebody's messages again"""
    muting.unmute(stores(), me(), path.partner_id)
    return Response(status=204)


def _page(partner: str, query: schemas.HistoryQuery) -> list[Message]:
    limit = query.limit or history.DEFAULT_PAGE_SIZE
    if query.before is not None:
        return history.before(stores(), me(), partner, query.before, limit)
    if query.after is not None:
        return history.after(stores(), me(), partner, query.after, limit)
    if query.offset is not None:
        return history.beyond_recent(stores(), me(), partner, query.offset, limit)
    if query.limit is None:
        return history.opened(stores(), me(), partner)
    return history.recent(stores(), me(), partner)[-query.limit :]
