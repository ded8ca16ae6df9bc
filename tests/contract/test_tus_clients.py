"""Two tus clients that others keep upload recordings unchanged: tuspy, and tus-js-client, the one of browsers."""

import io
import os
import subprocess
from pathlib import Path

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from dev import node
from tests import recordings
from tests.client import Client, Person
from tests.contract import tus
from tests.stack import ROOT

SCRIPT = Path(__file__).with_name("tus-js-client.test.js")


def test_tuspy_uploads_in_pieces_and_goes_on_where_it_was(ada: Person, ben: Person) -> None:
    content = recordings.spoken()
    client = TusClient(f"{ada.client.url}/api/recordings", headers={"x-api-key": ada.token})
    about = {"filename": "voice.webm", "filetype": "audio/webm", "receiverId": ben.id}
    first = client.uploader(file_stream=io.BytesIO(content), chunk_size=9_000, metadata=about)
    first.upload(stop_at=18_000)
    again = client.uploader(file_stream=io.BytesIO(content), chunk_size=9_000, url=first.url)
    assert again.offset == 18_000
    again.upload()
    upload = tus.id_of(first.url)
    assert ada.request("GET", f"/file/{upload}/content").content == content
    assert ada.post(ben, audioFileId=upload)["audioFileId"] == upload
    stranger = TusClient(client.url, headers={"x-api-key": ben.token})
    with pytest.raises(TusCommunicationError):
        stranger.uploader(file_stream=io.BytesIO(content), url=first.url)


def test_tus_js_client_uploads_with_and_without_a_length_goes_on_and_terminates(client: Client) -> None:
    person = client.sign_up()
    environment = {
        "TUS_ENDPOINT": f"{client.url}/api/recordings",
        "TUS_TOKEN": person.token,
        "TUS_RECORDING": str(recordings.FOLDER / "respectable.webm"),
    }
    done = subprocess.run(
        [node.prepare().binary, "--test", SCRIPT],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert len(person.get("/recordings")) == 4
