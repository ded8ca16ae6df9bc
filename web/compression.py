"""Compresses the JSON of the views marked for it. Static files are compressed when they are built (`web/built.py`).

Length betrays content where a response holds both a secret and a text that somebody else chose (the attack is known as
BREACH): whoever sends guesses to somebody and can watch their encrypted connection would see which one compresses well.
Hence a response may be marked only if whoever could put a guess into it knows all of its texts anyway: a history, whose
two people see the same; the list of people, and the API's description, which anybody sees. Never marked are tokens, and
what brings together the words of several people: the list of conversations and search.
"""

import zlib
from collections.abc import Callable
from typing import TypeVar

from flask import Flask, Response, current_app, request

MIN_BYTES = 1_024  # below, it saves not even a packet
LEVEL = 5  # of zlib; 1 ms of CPU for 100 KB, and a tenth larger than at its best
GZIP = 16 + zlib.MAX_WBITS  # zlib's name for gzip's format
OF_LIBRARIES = frozenset({"openapi.doc_url"})

View = TypeVar("View", bound=Callable[..., object])


def compressed(view: View) -> View:
    """Marks a view whose response holds no secret from anybody whose text is in it."""
    view.compressed = True  # type: ignore[attr-defined]
    return view


def install(app: Flask) -> None:
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    view = current_app.view_functions.get(request.endpoint or "")
    if request.endpoint not in OF_LIBRARIES and not getattr(view, "compressed", False):
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"] or response.is_streamed or response.status_code >= 300:
        return response
    content = response.get_data()
    if len(content) >= MIN_BYTES:
        packer = zlib.compressobj(LEVEL, wbits=GZIP)
        response.set_data(packer.compress(content) + packer.flush())
        response.content_encoding = "gzip"
    return response
