"""A message has one definition, `wire.Message`: the models of both stores and of the API have the same fields."""

from typing import get_args, get_type_hints

from chat import wire
from chat.store import archive, hot
from web import schemas

WIRE = set(wire.Message.__annotations__)
STORED = set(wire.StoredMessage.__annotations__)


def test_the_hot_model_has_the_fields_of_a_stored_message() -> None:
    assert set(hot.Message.model_fields) == (STORED - {"_id"}) | {"pk", "terms"}


def test_the_archived_document_has_the_fields_of_a_stored_message() -> None:
    assert set(archive.Message._db_field_map.values()) == STORED | {"conversation"}


def test_the_schema_of_the_api_has_the_fields_of_a_message() -> None:
    fields = schemas.Message.model_fields
    assert {field.alias or name for name, field in fields.items()} == WIRE


def test_the_schema_of_the_api_may_lack_what_is_left_out() -> None:
    required = {field.alias or name for name, field in schemas.Message.model_fields.items() if field.is_required()}
    assert required == set(wire.ALWAYS)
    assert set(wire.ALWAYS) | set(wire.OPTIONAL) == WIRE


def test_a_message_has_the_same_statuses_everywhere() -> None:
    assert set(get_args(schemas.Message.model_fields["status"].annotation)) == set(get_args(wire.Status))


def test_a_word_has_the_same_fields_everywhere() -> None:
    assert set(schemas.Word.model_fields) == set(wire.Word.__annotations__)


def test_a_change_sets_fields_of_a_stored_message_and_of_the_same_types() -> None:
    changes, message = get_type_hints(wire.Changes), get_type_hints(wire.StoredMessage)
    assert changes.items() <= message.items()
    never = {"_id", "senderId", "receiverId", "dateSent", "clientId", "revision"}
    assert set(changes) == STORED - never
