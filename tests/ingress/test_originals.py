"""The original app's calls: at the root and under /api, with its JSON to the letter."""

from typing import Any

import pytest

from auth.principal import Kind, Scope
from models.labels import labels_of
from models.zoo import resolve_model
from tests.auth.people import People
from tests.fetch.server import Server, respond
from tests.ingress.graph import LITE0, Graph, top_class
from tests.ingress.pictures import GREEN, RED, different, picture
from tests.ingress.tokens import application_token, bearer

PREFIXES = pytest.mark.parametrize("prefix", ["", "/api"])
LABELS = labels_of(resolve_model(LITE0))


@PREFIXES
async def test_classify_image(graph: Graph, website: Server, prefix: str) -> None:
    website.answers["/red.jpg"] = respond(picture(RED, "JPEG"))
    document = {"image_url": f"http://127.0.0.1:{website.port}/red.jpg"}
    response = await graph.client.post(f"{prefix}/classify-image", json=document)
    assert response.status_code == 201
    body = response.json()
    assert list(body) == ["classification", "confidence", "processing_time"]
    assert body["classification"] == LABELS.name(top_class(RED))
    assert body["confidence"] == round(body["confidence"], 4) == pytest.approx(0.608, abs=0.001)
    assert 0 < body["processing_time"] < 20, "seconds"


async def test_other_fields_are_passed_over(graph: Graph, website: Server) -> None:
    website.answers["/red.jpg"] = respond(picture(RED, "JPEG"))
    document = {"image_url": f"http://127.0.0.1:{website.port}/red.jpg", "user": 7}
    assert (await graph.client.post("/classify-image", json=document)).status_code == 201


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"json": {}}, 400, "image_missing"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "malformed_body"),
        ({"json": {"image_url": "ftp://example.org/"}}, 422, "bad_url"),
        ({"json": {"image_base64": "aaaa"}}, 422, "invalid_parameter"),
        ({"json": {"images": [{"image_url": "http://example.org/"}]}}, 422, "invalid_parameter"),
        ({"json": {"images": [{"image_url": 7}]}}, 422, "invalid_parameter"),
        ({"content": picture(), "headers": {"Content-Type": "image/png"}}, 422, "invalid_parameter"),
    ],
)
async def test_what_it_does_not_take(graph: Graph, request_: dict[str, Any], status: int, code: str) -> None:
    response = await graph.client.post("/classify-image", **request_)
    assert (response.status_code, response.json()["code"]) == (status, code)


@PREFIXES
async def test_health(graph: Graph, prefix: str) -> None:
    response = await graph.client.get(f"{prefix}/health")
    assert (response.status_code, response.content) == (200, b'{"is_healthy":true}')


@PREFIXES
async def test_report(graph: Graph, website: Server, prefix: str) -> None:
    website.answers |= {"/red.png": respond(picture(RED)), "/green.png": respond(picture(GREEN))}
    base = f"http://127.0.0.1:{website.port}"
    for name, times in (("green", 1), ("red", 3)):
        for _ in range(times):
            await graph.classify_json({"image_url": f"{base}/{name}.png"})
    await graph.classify(picture(RED))
    rows = (await graph.client.get(f"{prefix}/report")).json()
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


async def test_a_report_of_nothing(graph: Graph) -> None:
    assert (await graph.client.get("/report")).json() == []


async def test_ten_rows_at_most(graph: Graph, website: Server) -> None:
    pictures = different(12)
    website.answers |= {f"/{i}": respond(data) for i, data in enumerate(pictures)}
    images = [{"image_url": f"http://127.0.0.1:{website.port}/{i}"} for i in range(12)]
    await graph.classify_json({"images": images})
    assert len((await graph.client.get("/report")).json()) == 10


@PREFIXES
@pytest.mark.parametrize(("kind", "scheme"), [("token", "Token"), ("token", "Bearer"), ("key", "Bearer")])
async def test_the_secret_is_told_to_a_user(graph: Graph, people: People, prefix: str, kind: Kind, scheme: str) -> None:
    token = people.let_in(people.add(), kind, frozenset({Scope.CLASSIFY}))
    response = await graph.client.get(f"{prefix}/secret", headers={"Authorization": f"{scheme} {token}"})
    assert (response.status_code, response.content) == (200, b'"Hi corey"')
    assert response.headers["Content-Type"] == "application/json"


@PREFIXES
@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "Authentication credentials were not provided."),
        ({"Authorization": "Token rlt_none"}, "Invalid token."),
        ({"Authorization": "Bearer rlt_none"}, "Invalid token."),
        ({"Authorization": "Basic YTpi"}, "Invalid token."),
    ],
)
async def test_the_secret_is_told_to_nobody_else(
    graph: Graph, prefix: str, headers: dict[str, str], detail: str
) -> None:
    response = await graph.client.get(f"{prefix}/secret", headers=headers)
    assert (response.status_code, response.json()) == (401, {"detail": detail})
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.headers["Content-Type"] == "application/json"


async def test_the_secret_is_not_for_an_application_without_a_user(graph: Graph) -> None:
    response = await graph.client.get("/secret", headers=bearer(await application_token(graph)))
    assert response.status_code == 403
    assert list(response.json()) == ["detail"]
    assert "WWW-Authenticate" not in response.headers
