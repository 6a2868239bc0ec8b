"""Replicas that die: their work is retried and recorded once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    NodeDiedError,
    ObjectLostError,
    RayActorError,
    WorkerCrashedError,
)

from serve_app.errors import Overloaded
from serve_app.pipeline import PIPELINE_ATTEMPTS
from serve_app.transport.client import ReplicaLost
from serve_app.types import Preprocessed
from tests.ingress.graph import Graph, top_class
from tests.ingress.pictures import RED, different, picture

STAGES = ("preprocessor", "classifier", "results")

DEATHS: list[Callable[[], Exception]] = [
    ActorDiedError,
    RayActorError,
    WorkerCrashedError,
    lambda: ActorUnavailableError("gone", b"0" * 16),
    lambda: NodeDiedError("gone"),
    lambda: ObjectLostError("0" * 56, "", ""),
    lambda: ConnectionResetError("gone"),
    lambda: ReplicaLost("gone"),
]


async def test_every_kind_of_death_is_retried(graph: Graph) -> None:
    for count, death in enumerate(DEATHS, 1):
        graph.classifier.deaths_before.append(death())
        body = (await graph.classify(picture(), cache="off")).json()
        assert body["predictions"][0]["index"] == top_class(RED)
        assert await graph.record_count() == count


@pytest.mark.parametrize("times", [1, 2, PIPELINE_ATTEMPTS - 1])
async def test_a_stage_dies_before_its_work(graph: Graph, times: int) -> None:
    for count, stage in enumerate(STAGES, 1):
        getattr(graph, stage).deaths_before.extend(ActorDiedError() for _ in range(times))
        await graph.classify(picture(), cache="off")
        assert await graph.record_count() == count


@pytest.mark.parametrize("times", [1, 2])
async def test_a_stage_dies_after_its_work(graph: Graph, times: int) -> None:
    files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate(different(5))]
    for count, stage in enumerate(STAGES, 1):
        getattr(graph, stage).deaths_after.extend(ActorDiedError() for _ in range(times))
        response = await graph.client.post("/api/v1/classifications?cache=off", files=files)
        assert len({item["id"] for item in response.json()["items"]}) == 5
        assert await graph.record_count() == 5 * count, "recorded once, however often it was tried"


async def test_a_stage_that_keeps_dying(graph: Graph) -> None:
    graph.classifier.is_deadly = lambda _: True
    response = await graph.classify(picture(), expect=503)
    assert response.json()["code"] == "unavailable"
    assert response.headers["Retry-After"]
    assert graph.classifier.calls["classify"] == PIPELINE_ATTEMPTS + 1, "one more for the warm-up"
    assert await graph.record_count() == 0
    graph.classifier.is_deadly = lambda _: False
    await graph.classify(picture())


async def test_an_image_that_kills_its_replica_fails_alone(graph: Graph) -> None:
    deadly = picture((66, 66, 66))

    def is_deadly(arguments: Any) -> bool:
        return any(image == deadly for image in arguments[1])

    graph.preprocessor.is_deadly = is_deadly
    pictures = different(15)
    pictures[7] = deadly
    files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate(pictures)]
    response = await graph.client.post("/api/v1/classifications", files=files)
    assert [item.get("code") for item in response.json()["items"]] == [None] * 7 + ["unavailable"] + [None] * 7
    assert await graph.record_count() == 14


async def test_an_image_that_kills_the_model_fails_alone(graph: Graph) -> None:
    def is_deadly(arguments: Any) -> bool:
        batch: Preprocessed = arguments[0]
        return any((row == 66).all() for row in batch.tensor)

    graph.classifier.is_deadly = is_deadly
    pictures = [picture((66, 66, 66)), *different(4)]
    responses = await asyncio.gather(
        *(
            graph.client.post("/api/v1/classifications", content=data, headers={"Content-Type": "image/png"})
            for data in pictures
        )
    )
    assert [response.status_code for response in responses] == [503, 201, 201, 201, 201]


async def test_the_record_of_a_hit_is_retried(graph: Graph) -> None:
    await graph.classify(picture())
    graph.results.deaths_after.append(ActorDiedError())
    graph.results.deaths_before.append(ActorDiedError())
    assert (await graph.classify(picture())).headers["X-Cache"] == "hit"
    assert await graph.record_count() == 2


async def test_the_error_of_a_stage_is_unwrapped(graph: Graph) -> None:
    graph.classifier.error = Overloaded("Too many images wait for the model.", retry_after=3.0)
    response = await graph.classify(picture(), expect=503)
    assert response.json()["detail"] == "Too many images wait for the model."
    assert response.headers["Retry-After"] == "3"


async def test_a_hit_that_cannot_be_recorded_fails(graph: Graph) -> None:
    await graph.classify(picture())
    graph.results.is_deadly = lambda _: True
    response = await graph.classify(picture(), expect=503)
    assert response.json()["code"] == "unavailable"
