"""Codes, tokens, verifiers and secrets appear neither in logs, at any level, nor in the database."""

import logging

import pytest
from sqlalchemy import Engine, MetaData

from tests.auth.application import Application
from tests.auth.external.browser import Browser
from tests.auth.external.fake_provider import FakeProvider


async def test_secrets_are_not_logged_or_stored(
    *,
    site: Application,
    visitor: Browser,
    fake_provider: FakeProvider,
    database: Engine,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    secrets: list[str] = []
    for claims in ({}, {"aud": "them"}):
        fake_provider.claims = claims
        redirect = await visitor.start_login()
        (name,) = (name for name in visitor.client.cookies if "flow" in name)
        decrypted = site.auth.external.login_states._decrypt(visitor.client.cookies[name])
        assert decrypted
        login, code = decrypted[1], fake_provider.code_for(redirect)
        signature = fake_provider.id_token(redirect).split(".")[2]
        secrets += [code, login.verifier, login.nonce, login.state, signature]
        await visitor.finish_login(redirect, code=code)
    secrets += [fake_provider.client_secret, "the-access-token", visitor.client.cookies[site.auth.cookie.name]]
    # The fake provider's server logs in this process, too.
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert any("/token" in line for line in lines), "requests are logged"
    written = "\n".join(lines) + "".join(capfd.readouterr())
    assert "provider_failed" in written
    assert [secret for secret in secrets if secret in _without_browser(written)] == []
    assert [secret for secret in secrets if secret in _content(database)] == []


def _without_browser(text: str) -> str:
    """The test's own HTTP client logs the URLs it requests."""
    return "\n".join(line for line in text.splitlines() if "localhost:8000" not in line)


def _content(database: Engine) -> str:
    metadata = MetaData()
    metadata.reflect(database)
    with database.connect() as connection:
        return "\n".join(repr(row) for table in metadata.sorted_tables for row in connection.execute(table.select()))
