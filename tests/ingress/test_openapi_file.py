from pathlib import Path

from serve_app.ingress.openapi import document

COMMITTED = Path(__file__).parents[2] / "frontend" / "openapi.json"


def test_the_committed_document_is_up_to_date() -> None:
    assert COMMITTED.read_text() == document(), "frontend/openapi.json is out of date: make openapi"
