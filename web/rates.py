"""Which limit each route and each socket frame counts against. A test makes sure that none is missing.

Most are counted with the check of the session, see `sessions.is_valid`; the others where their action is taken.
"""

from typing import NamedTuple

from flask import request

from chat.store import limits
from web.services import services


class Action(NamedTuple):
    """Something a person does, the setting that limits it, and the code for whoever does it too often."""

    name: str
    setting: str
    code: str


READ = Action("read", "limit_reads", "too_many_reads")
SEARCH = Action("search", "limit_searches", "too_many_searches")
CHANGE = Action("change", "limit_changes", "too_many_changes")
MARK = Action("mark", "limit_read_marks", "too_many_read_marks")
PROFILE = Action("profile", "limit_profile", "too_many_profile_changes")
PIECE = Action("piece", "limit_pieces", "too_many_pieces")
LINK = Action("link", "limit_links", "too_many_links")

COUNTED: dict[str, Action] = {
    "accounts.log_out": PROFILE,
    "conversations.get": READ,
    "conversations.get_mute": READ,
    "conversations.list_conversations": READ,
    "conversations.mark_read": MARK,
    "conversations.mute": PROFILE,
    "conversations.unmute": PROFILE,
    "files.content": READ,
    "files.get": READ,
    "files.link": LINK,
    "messages.delete": CHANGE,
    "messages.edit": CHANGE,
    "push.get": READ,
    "push.subscribe": PROFILE,
    "push.change": PROFILE,
    "push.unsubscribe": PROFILE,
    "recordings.append": PIECE,
    "recordings.discard": PIECE,
    "recordings.get": READ,
    "recordings.list_unfinished": READ,
    "search.find": SEARCH,
    "users.change": PROFILE,
    "users.delete": PROFILE,
    "users.get": READ,
    "users.list_people": READ,
}
"""By endpoint."""

_CLIENT = ("connections_per_address",)
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "accounts.log_in": ("limit_login_account", "limit_login_address", "limit_login_account_total"),
    "accounts.sign_up": ("limit_signup_address",),
    "messages.send": ("limit_messages", "limit_transcription"),
    "messages.transcribe": ("limit_transcribe_again", "limit_transcribe_again_message", "limit_transcription"),
    "recordings.create": ("limit_uploads", "recordings_at_once", "uploads_unclaimed_bytes", "uploads_all_bytes"),
    "uploads.upload": ("limit_uploads", "uploads_at_once", "uploads_unclaimed_bytes", "uploads_all_bytes"),
    "socket": ("sockets_per_address", "sockets_per_person", "sockets_unproven"),
    **dict.fromkeys(("health.alive", "health.ready", "metrics.show", "static"), _CLIENT),
    **dict.fromkeys(("pages.built_file", "pages.icon", "pages.page", "pages.worker"), _CLIENT),
    **dict.fromkeys(("openapi.doc_url", "openapi.openapi", "openapi.static"), _CLIENT),
    **dict.fromkeys(("swagger.oauth2-redirect", "swagger.static", "swagger.swagger"), _CLIENT),
}
"""By endpoint: the settings that limit what `COUNTED` does not have.

Those limited by connections alone ask no store; the health checks and metrics keep what they found for a moment.
"""

FRAMES: dict[str, tuple[str, ...]] = {
    "send": ("limit_messages", "limit_transcription", "socket_frames"),
    "typing": ("socket_frames", "sockets_per_person"),
    "resume": ("socket_resume_interval", "socket_resume_bytes", "sockets_per_person"),
}
"""By type of a frame that clients send; any other text, and the heartbeat, is limited by `socket_frames` alone."""


def counted(person_id: str) -> limits.Counted | None:
    """What the current request counts against, None if it is counted elsewhere."""
    action = COUNTED.get(request.endpoint or "")
    if action is None:
        return None
    setting: str = getattr(services().settings, action.setting)
    return limits.Counted(limits.windows(setting, action.name, person_id), action.code)
