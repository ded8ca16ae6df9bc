"""Searching people and one's own messages."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from chat.messages import search
from web import schemas
from web.api.responses import CHAT, PREFIX, SECURITY, responses
from web.auth import me
from web.services import stores

api = APIBlueprint("search", __name__, url_prefix=PREFIX, abp_tags=[CHAT], abp_security=SECURITY)


@api.get("/search", responses=responses(200, schemas.Hits, 401))
def find(query: schemas.SearchQuery) -> Response:
    """Search people and your own messages, best matches first"""
    return jsonify(search.search(stores(), me(), query.q, query.limit, query.offset, query.partner_id))
