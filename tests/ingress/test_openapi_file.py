from pathlib import Path

from serve_app.ingress.openapi import document

COMMITTED = Path(__file__).parents[2] / "frontend" / "openapi.json"


def test_the_web_app_knows_the_api_of_today() -> None:
    assert COMMITTED.read_text() == document(), "frontend/openapi.json is out of date: make openapi"
