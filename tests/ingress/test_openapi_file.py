from pathlib import Path

import pytest

from serve_app.ingress.openapi import document

COMMITTED = Path(__file__).parents[2] / "frontend" / "openapi.json"


def test_the_committed_document_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYLENS_PORT", "1234")  # the environment does not matter
    assert COMMITTED.read_text() == document(), "frontend/openapi.json is out of date: make openapi"
