"""Classification of images in every accepted format."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.zoo import resolve_model
from serve_app.pipeline import Pipeline
from serve_app.types import ModelInService
from tests.fetch.server import Server, respond
from tests.ingress.graph import LITE0, Graph, running, top_class
from tests.ingress.pictures import BLUE, GREEN, RED, different, picture, truncated

URL = "/api/v1/classifications"
IMAGE_FIELDS = {"sha256", "format", "width", "height"}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def label_index(body: dict[str, Any]) -> int:
    return int(body["predictions"][0]["index"])


async def test_an_image_as_the_body(graph: Graph) -> None:
    response = await graph.classify(picture(RED, "JPEG", (40, 30)))
    body = response.json()
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Cache"] == "miss"
    assert set(body) == {"id", "created_at", "image", "model", "predictions", "cached", "timings_ms"}
    assert re.fullmatch("[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", body["id"])
    age = datetime.now(UTC) - datetime.fromisoformat(body["created_at"])
    assert 0 <= age.total_seconds() < 20
    assert set(body["image"]) == IMAGE_FIELDS
    assert (body["image"]["format"], body["image"]["width"], body["image"]["height"]) == ("JPEG", 40, 30)
    assert body["model"] == {"name": LITE0, "version": "1", "runtime": "fake", "precision": "fp32"}
    assert body["cached"] is False
    assert label_index(body) == top_class(RED)


async def test_predictions_are_ranked(graph: Graph) -> None:
    predictions = (await graph.classify(picture())).json()["predictions"]
    assert [prediction["rank"] for prediction in predictions] == [1, 2, 3, 4, 5]
    probabilities = [prediction["probability"] for prediction in predictions]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(set(prediction) == {"rank", "index", "wnid", "label", "probability"} for prediction in predictions)
    assert re.fullmatch(r"n\d{8}", predictions[0]["wnid"])


async def test_timings_add_up(graph: Graph) -> None:
    timings = (await graph.classify(picture())).json()["timings_ms"]
    assert set(timings) == {"fetch", "preprocess", "queue", "inference", "total"}
    assert timings["fetch"] == 0
    parts = sum(value for name, value in timings.items() if name != "total")
    assert parts == pytest.approx(timings["total"], abs=0.01)


async def test_the_format_is_detected_from_the_bytes(graph: Graph) -> None:
    types = ["image/png", "image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"]
    for headers in ({}, *({"Content-Type": content_type} for content_type in types)):
        response = await graph.client.post(URL, content=picture(), headers=headers)
        assert response.status_code == 201, headers
        assert response.json()["image"]["format"] == "PNG"


async def test_every_supported_format(graph: Graph) -> None:
    for file_format in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        body = (await graph.classify(picture(GREEN, file_format))).json()
        assert body["image"]["format"].upper() == file_format
        assert label_index(body) == top_class(GREEN)


async def test_top_k(graph: Graph) -> None:
    for query, expected in (({}, 5), ({"top_k": 1}, 1), ({"top_k": 1000}, 1000)):
        predictions = (await graph.classify(picture(), **query)).json()["predictions"]
        assert len(predictions) == expected
        assert len({prediction["index"] for prediction in predictions}) == expected
    assert sum(prediction["probability"] for prediction in predictions) == pytest.approx(1, abs=1e-3)


async def test_one_part(graph: Graph) -> None:
    response = await graph.client.post(URL, files={"file": ("a.png", picture(BLUE), "image/png")})
    assert response.status_code == 201
    assert label_index(response.json()) == top_class(BLUE)
    assert response.headers["X-Cache"] == "miss"


async def test_a_part_without_a_file_name(graph: Graph) -> None:
    body = b'--X\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + picture(RED) + b"\r\n--X--\r\n"
    response = await graph.client.post(URL, content=body, headers={"Content-Type": "multipart/form-data; boundary=X"})
    assert response.status_code == 201
    assert label_index(response.json()) == top_class(RED)


async def test_several_parts_keep_their_order(graph: Graph) -> None:
    colours = [RED, GREEN, BLUE, GREEN]
    files = [("file", (f"{i}.png", picture(colour), "image/png")) for i, colour in enumerate(colours)]
    response = await graph.client.post(URL, files=files)
    assert response.status_code == 201
    assert [label_index(item) for item in response.json()["items"]] == [top_class(colour) for colour in colours]


async def test_base64(graph: Graph) -> None:
    """Also as a data URL, and next to a null."""
    for document in (
        {"image_base64": encoded(picture(GREEN))},
        {"image_base64": f"data:image/png;base64,{encoded(picture(GREEN))}"},
        {"image_base64": encoded(picture(GREEN)), "image_url": None},
    ):
        body = (await graph.classify_json(document)).json()
        assert label_index(body) == top_class(GREEN)
        assert "url" not in body["image"]


async def test_json_content_types(graph: Graph) -> None:
    body = b'{"image_base64": "' + base64.b64encode(picture()) + b'"}'
    for content_type in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.example+json"):
        response = await graph.client.post(URL, content=body, headers={"Content-Type": content_type})
        assert response.status_code == 201, content_type


async def test_a_url(graph: Graph, website: Server) -> None:
    website.answers["/red.png"] = respond(picture(RED))
    url = f"http://127.0.0.1:{website.port}/red.png"
    body = (await graph.classify_json({"image_url": url})).json()
    assert body["image"]["url"] == url
    assert label_index(body) == top_class(RED)
    assert body["timings_ms"]["fetch"] > 0


async def test_a_list_with_one_image_returns_a_list(graph: Graph) -> None:
    body = (await graph.classify_json({"images": [{"image_base64": encoded(picture())}]})).json()
    assert [label_index(item) for item in body["items"]] == [top_class(RED)]


async def test_problems_take_the_place_of_their_images(graph: Graph, website: Server) -> None:
    website.answers["/blue.png"] = respond(picture(BLUE))
    images: list[Any] = [
        {"image_base64": encoded(picture(RED))},
        {"image_base64": encoded(truncated())},
        {"image_url": f"http://127.0.0.1:{website.port}/blue.png"},
        {"image_base64": encoded(b"no image at all")},
        {"image_url": "ftp://example.org/a.png"},
        {"image_url": "http://10.0.0.1/a.png"},
        {"image_url": "http://a.test/", "image_base64": "aaaa"},
        {},
        7,
        {"image_base64": "*"},
        {"image_base64": encoded(picture(GREEN))},
    ]
    response = await graph.client.post(URL, json={"images": images}, headers={"X-Request-ID": "seven"})
    assert response.status_code == 201
    items = response.json()["items"]
    assert [item.get("code") or label_index(item) for item in items] == [
        top_class(RED),
        "corrupt_image",
        top_class(BLUE),
        "unsupported_image",
        "bad_url",
        "forbidden_address",
        "ambiguous_input",
        "image_missing",
        "invalid_parameter",
        "invalid_parameter",
        top_class(GREEN),
    ]
    for item in items:
        if "code" in item:
            assert set(item) == {"type", "title", "status", "detail", "code", "request_id"}
            assert item["request_id"] == "seven"
    assert await graph.record_count() == 3


async def test_sixty_four_images_in_one_request(graph: Graph) -> None:
    files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate(different(64))]
    response = await graph.client.post(URL, files=files)
    items = response.json()["items"]
    assert len({item["id"] for item in items}) == 64
    assert await graph.record_count() == 64
    assert sum(graph.runtime.batches) == 64
    assert max(graph.runtime.batches) > 1, "waiting images form batches"


async def test_a_past_classification(graph: Graph) -> None:
    made = (await graph.classify(picture(GREEN), top_k=7)).json()
    found = (await graph.client.get(f"{URL}/{made['id']}")).json()
    assert found["predictions"] == made["predictions"]
    assert {**found, "timings_ms": None} == {**made, "timings_ms": None}


@pytest.fixture
async def two_models(tmp_path: Path) -> AsyncIterator[Graph]:
    async with running(tmp_path, models=(LITE0, "efficientnet-lite1")) as graph:
        yield graph


async def test_another_model(two_models: Graph) -> None:
    body = (await two_models.classify(picture(), model="efficientnet-lite1")).json()
    assert body["model"]["name"] == "efficientnet-lite1"
    assert two_models.runtime.batches == [], "the default model was not called"
    again = await two_models.classify(picture())
    assert again.headers["X-Cache"] == "miss", "results are cached per model"


async def test_models_are_listed_as_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up = Pipeline.warm_up
    is_second_warm = asyncio.Event()

    async def first_model_last(pipeline: Pipeline, model: str, image: bytes, timeout_s: float) -> ModelInService:
        if model == LITE0:
            await is_second_warm.wait()
        in_service = await warm_up(pipeline, model, image, timeout_s)
        is_second_warm.set()
        return in_service

    monkeypatch.setattr(Pipeline, "warm_up", first_model_last)
    async with running(tmp_path, models=(LITE0, "efficientnet-lite1")) as graph:
        cards = (await graph.client.get("/api/v1/models")).json()["items"]
    assert [card["name"] for card in cards] == [LITE0, "efficientnet-lite1"]


async def test_models_in_service(two_models: Graph) -> None:
    cards = (await two_models.client.get("/api/v1/models")).json()["items"]
    assert {card["name"]: card["default"] for card in cards} == {LITE0: True, "efficientnet-lite1": False}
    card = (await two_models.client.get("/api/v1/models/efficientnet-lite1")).json()
    spec = resolve_model("efficientnet-lite1")
    assert card["input_size"] == spec.transform.height
    assert (card["parameters"], card["top1"], card["classes"]) == (spec.parameters, spec.top1, 1000)
