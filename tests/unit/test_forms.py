"""What comes with a form goes to disk; a disk that takes no more is said, and is nobody's fault but ours."""

from pathlib import Path

import pytest
from flask import Flask

from chat.errors import StorageFull, Unavailable
from web import errors, forms


def test_a_full_disk_is_507_with_a_clear_text() -> None:
    app = Flask(__name__)
    errors.install(app)

    @app.post("/")
    def upload() -> str:
        with Path("/dev/full").open("r+b", buffering=0) as full:
            forms._write(full, b"sound")
        return ""

    answer = app.test_client().post("/")
    assert answer.status_code == 507
    assert answer.content_type == errors.MEDIA_TYPE
    assert "no room" in answer.get_json()["detail"]


def test_a_temporary_folder_that_is_gone_is_full_and_other_trouble_is_ours() -> None:
    with pytest.raises(StorageFull), forms.disk():
        Path("/nowhere/at/all").write_bytes(b"")
    with pytest.raises(Unavailable), forms.disk():
        Path("/").write_bytes(b"")
