"""Fuzzes the API from its own OpenAPI document: it does what the document says, whatever is sent.

Schemathesis makes valid and invalid requests, half of them with ids that exist. No response may be a 500, have a status
that the document does not describe, or have a shape other than the document says.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.schemas import BaseSchema

from tests import recordings
from tests.client import Person
from tests.contract import tus
from tests.contract.calls import CALLS
from tests.contract.conftest import MakeWeb, Web, eventually

# No throttling here: it has tests of its own.
UNLIMITED = {f"LIMIT_{name}": "1000000 per minute" for name in ("LOGIN_ACCOUNT", "LOGIN_ADDRESS", "SIGNUP_ADDRESS")}
UNLIMITED |= {"LIMIT_MESSAGES": "1000000 per minute", "RECORDINGS_AT_ONCE": "1000"}
UNLIMITED["UPLOADS_UNCLAIMED_BYTES"] = UNLIMITED["UPLOADS_ALL_BYTES"] = str(2**40)
# Pieces of recordings are bytes too.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
LEAVING = ("POST /api/logout", "DELETE /api/user/me")
CHECKED = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
]
EXAMPLES = [16, pytest.param(200, marks=pytest.mark.long)]  # the same in every run
FEW_EXAMPLES = 4
PASSWORD = "not the one of the document's examples"


@dataclass
class World:
    """A person to fuzz as, who has one of everything."""

    web: Web
    me: Person
    partner: Person
    message: str
    voice: str
    upload: str
    recording: str

    def known(self, label: str) -> dict[str, str]:
        """Ids that exist, by the names of parameters and fields."""
        message = self.voice if label.endswith("/transcribe") else self.message
        if label.startswith("DELETE"):
            message = self.me.post(self.partner, "to be deleted")["_id"]
        uuid = self.recording if "/recordings" in label else self.upload
        ids = {"partnerId": self.partner.id, "receiverId": self.partner.id, "messageId": message}
        return ids | {"upTo": self.message, "before": self.message, "after": self.message, "uuid": uuid}


@pytest.fixture(scope="module")
def world(make_web: MakeWeb) -> Iterator[World]:
    web = make_web("web-fuzz", UNLIMITED)
    web.wait()
    client = web.client
    me, partner = client.sign_up("fuzz", PASSWORD), client.sign_up("fuzzed")
    upload = me.upload(recordings.silence(0.2))["audioFileUuid"]
    voice = me.post(partner, audioFileId=upload)["_id"]
    message = me.post(partner, "hello")["_id"]
    eventually(lambda: len(me.history(partner)) == 2, "the messages")
    recording = tus.id_of(tus.begin(me, content=recordings.spoken()))
    yield World(web, me, partner, message, voice, upload, recording)
    log = web.process.output()
    assert "request.failed" not in log, log[-20_000:]


@pytest.fixture(scope="module")
def document(world: World) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{world.web.client.url}/api/docs/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", CALLS)
@pytest.mark.parametrize("examples", EXAMPLES)
def test_every_call_does_what_the_document_says(
    world: World, document: BaseSchema, examples: int, label: str, mode: GenerationMode
) -> None:
    operation = document.find_operation_by_label(label)
    assert operation is not None

    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    @settings(
        max_examples=FEW_EXAMPLES if label in LEAVING else examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def fuzz(case: Case, real: bool) -> None:
        session = world.me
        if label in LEAVING:
            session = world.web.client.sign_up("leaving", PASSWORD)
        if real:
            use_known(case, world.known(label), bodies=mode is GenerationMode.POSITIVE)
        case.headers = {**(case.headers or {}), "x-api-key": session.token}
        response = case.call(session=world.web.client.http)
        # Schemathesis does not know that another version of tus is 412, and a form of too many parts may be too large.
        is_refused = response.status_code in (412, 413)
        checked = [name for name in CHECKED if name != "negative_data_rejection" or not is_refused]
        case.validate_response(response, CHECKS.get_by_names(checked))

    fuzz()


def use_known(case: Case, known: dict[str, str], bodies: bool) -> None:
    """Replaces ids in a case with ids that exist; values that are meant to be wrong stay wrong."""
    for part in (case.path_parameters, case.query, case.body) if bodies else (case.path_parameters,):
        if isinstance(part, dict):
            part.update({name: known[name] for name in part if name in known})
    if bodies and isinstance(case.body, dict):
        case.body.pop("senderId", None)
        case.body.pop("audioFileId", None)
