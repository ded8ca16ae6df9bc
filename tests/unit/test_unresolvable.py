"""An address of MongoDB that DNS does not know is refused in a sentence when a process starts."""

import dns.resolver
import pytest

from chat.store.connection import connect_mongodb
from config.settings import Settings, SettingsError
from dev.processes import LOOPBACK, free_port
from tests.stack import SECRET


def test_a_name_that_does_not_resolve_is_refused_with_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [LOOPBACK], free_port()  # where nobody answers
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
    uri = "mongodb+srv://ada:secret@nowhere.example/chattergram?connectTimeoutMS=300"
    settings = Settings(_env_file=None, environment="test", secret_key=SECRET, mongodb_uri=uri)
    with pytest.raises(SettingsError, match="MONGODB_URI") as refused:
        connect_mongodb(settings)
    assert "secret" not in str(refused.value)
