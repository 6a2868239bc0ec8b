"""No code, token, verifier or secret in a log, however much is logged; nor in the database."""

import logging

import pytest
from sqlalchemy import Engine, MetaData

from tests.auth.application import Application
from tests.auth.external.false_provider import FalseProvider
from tests.auth.external.traveller import Traveller

SERVERS = ("uvicorn",)
"""Which log for the test's own provider."""


async def test_what_is_secret_stays_so(
    *,
    misled: Application,
    believer: Traveller,
    false_provider: FalseProvider,
    engine: Engine,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    honest = false_provider.id_token
    for wrong in (False, True):
        false_provider.claims = {"aud": "them"} if wrong else {}
        departure = await believer.depart()
        (name,) = (name for name in believer.client.cookies if "flow" in name)
        flow = misled.auth.external.flows._open(believer.client.cookies[name])
        assert flow
        code = false_provider.code_for(departure)
        told += [code, flow[1].verifier, flow[1].nonce, flow[1].state, honest(departure).split(".")[2]]
        await believer.come_back(departure, code=code)
    told += [false_provider.client_secret, "the-access-token", believer.client.cookies[misled.auth.cookie.name]]
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith(SERVERS)]
    assert any("/token" in line for line in lines), "requests are logged"
    written = "\n".join(lines) + "".join(capfd.readouterr())
    assert "provider_failed" in written
    assert [secret for secret in told if secret in _without_browser(written)] == []
    assert [secret for secret in told if secret in _content(engine)] == []


def _without_browser(text: str) -> str:
    """The test's browser is in this process, and logs the addresses it goes to."""
    return "\n".join(line for line in text.splitlines() if "localhost:8000" not in line)


def _content(engine: Engine) -> str:
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return "\n".join(repr(row) for table in metadata.sorted_tables for row in connection.execute(table.select()))
