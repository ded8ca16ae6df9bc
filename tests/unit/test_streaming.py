"""If the first piece of a recording cannot be read, the response is a normal error."""

from collections.abc import Iterator

import pytest
from flask import Flask, Response
from pymongo.errors import AutoReconnect

from chat.errors import NotFound
from web import errors
from web.api.files import prefetch


def failing(error: Exception) -> Iterator[bytes]:
    yield from ()
    raise error


@pytest.mark.parametrize(("error", "status"), [(AutoReconnect("gone"), 503), (NotFound("no_such_file"), 404)])
def test_an_error_with_the_first_piece_has_its_status(error: Exception, status: int) -> None:
    app = Flask(__name__)
    errors.install(app)
    app.add_url_rule("/", view_func=lambda: Response(prefetch(failing(error))))
    answer = app.test_client().get("/")
    assert answer.status_code == status
    assert answer.content_type == errors.MEDIA_TYPE


def test_pieces_come_in_order_and_all_but_the_first_only_on_demand() -> None:
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield bytes([number])

    stream = prefetch(pieces())
    assert asked == [0]
    assert b"".join(stream) == b"\x00\x01\x02"
