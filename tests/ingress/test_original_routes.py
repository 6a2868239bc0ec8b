"""Routes of the original application: at the root and under /api, with exactly its JSON."""

from typing import Any

import pytest

from auth.principal import CredentialKind, Scope
from models.labels import labels_of
from models.zoo import resolve_model
from tests.auth.user_factory import UserFactory
from tests.fetch.server import Server, respond
from tests.ingress.graph import LITE0, Graph, top_class
from tests.ingress.pictures import GREEN, RED, different, picture
from tests.ingress.tokens import application_token, bearer

PREFIXES = ("", "/api")
LABELS = labels_of(resolve_model(LITE0))


async def test_classify_image(graph: Graph, website: Server) -> None:
    """Other fields are ignored."""
    website.answers["/red.jpg"] = respond(picture(RED, "JPEG"))
    document = {"image_url": f"http://127.0.0.1:{website.port}/red.jpg", "user": 7}
    for prefix in PREFIXES:
        response = await graph.client.post(f"{prefix}/classify-image", json=document)
        assert response.status_code == 201
        body = response.json()
        assert list(body) == ["classification", "confidence", "processing_time"]
        assert body["classification"] == LABELS.name(top_class(RED))
        assert body["confidence"] == round(body["confidence"], 4) == pytest.approx(0.608, abs=0.001)
        assert 0 < body["processing_time"] < 20, "seconds"


async def test_classify_image_rejects_other_inputs(graph: Graph) -> None:
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"json": {}}, 400, "image_missing"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "malformed_body"),
        ({"json": {"image_url": "ftp://example.org/"}}, 422, "bad_url"),
        ({"json": {"image_base64": "aaaa"}}, 422, "invalid_parameter"),
        ({"json": {"images": [{"image_url": "http://example.org/"}]}}, 422, "invalid_parameter"),
        ({"json": {"images": [{"image_url": 7}]}}, 422, "invalid_parameter"),
        ({"content": picture(), "headers": {"Content-Type": "image/png"}}, 422, "invalid_parameter"),
    ]
    for request, status, code in cases:
        response = await graph.client.post("/classify-image", **request)
        assert (response.status_code, response.json()["code"]) == (status, code), request


async def test_health(graph: Graph) -> None:
    for prefix in PREFIXES:
        response = await graph.client.get(f"{prefix}/health")
        assert (response.status_code, response.content) == (200, b'{"is_healthy":true}')


async def test_report(graph: Graph, website: Server) -> None:
    assert (await graph.client.get("/report")).json() == []
    website.answers |= {"/red.png": respond(picture(RED)), "/green.png": respond(picture(GREEN))}
    base = f"http://127.0.0.1:{website.port}"
    for name, times in (("green", 1), ("red", 3)):
        for _ in range(times):
            await graph.classify_json({"image_url": f"{base}/{name}.png"})
    await graph.classify(picture(RED))
    rows, same_rows = [(await graph.client.get(f"{prefix}/report")).json() for prefix in PREFIXES]
    assert rows == same_rows
    assert [list(row) for row in rows] == [
        [
            "image_url",
            "classification_count",
            "processing_time_avg",
            "processing_time_max",
            "processing_time_min",
        ]
    ] * 2
    assert [(row["image_url"], row["classification_count"]) for row in rows] == [
        (f"{base}/red.png", 3),
        (f"{base}/green.png", 1),
    ]
    for row in rows:
        assert 0 < row["processing_time_min"] <= row["processing_time_avg"] <= row["processing_time_max"] < 20


async def test_a_report_has_at_most_ten_rows(graph: Graph, website: Server) -> None:
    pictures = different(12)
    website.answers |= {f"/{i}": respond(data) for i, data in enumerate(pictures)}
    images = [{"image_url": f"http://127.0.0.1:{website.port}/{i}"} for i in range(12)]
    await graph.classify_json({"images": images})
    assert len((await graph.client.get("/report")).json()) == 10


async def test_users_see_the_secret(graph: Graph, factory: UserFactory) -> None:
    alice = factory.add()
    credentials: list[tuple[CredentialKind, str]] = [("token", "Token"), ("token", "Bearer"), ("key", "Bearer")]
    for prefix in PREFIXES:
        for kind, scheme in credentials:
            token = factory.issue(alice, kind, frozenset({Scope.CLASSIFY}))
            response = await graph.client.get(f"{prefix}/secret", headers={"Authorization": f"{scheme} {token}"})
            assert (response.status_code, response.content) == (200, b'"Hi corey"')
            assert response.headers["Content-Type"] == "application/json"


async def test_anonymous_clients_do_not_see_the_secret(graph: Graph) -> None:
    cases = {
        "": "Authentication credentials were not provided.",
        "Token rlt_none": "Invalid token.",
        "Bearer rlt_none": "Invalid token.",
        "Basic YTpi": "Invalid token.",
    }
    for prefix in PREFIXES:
        for authorization, detail in cases.items():
            headers = {"Authorization": authorization} if authorization else {}
            response = await graph.client.get(f"{prefix}/secret", headers=headers)
            assert (response.status_code, response.json()) == (401, {"detail": detail})
            assert response.headers["WWW-Authenticate"] == "Token"
            assert response.headers["Content-Type"] == "application/json"


async def test_an_application_without_a_user_does_not_see_the_secret(graph: Graph) -> None:
    response = await graph.client.get("/secret", headers=bearer(await application_token(graph)))
    assert response.status_code == 403
    assert list(response.json()) == ["detail"]
    assert "WWW-Authenticate" not in response.headers
