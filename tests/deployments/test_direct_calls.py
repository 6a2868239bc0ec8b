"""Direct calls as Serve's router and replicas see them; tests/chaos/test_direct_calls.py tests them within Serve."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorUnavailableError
from ray.serve._private import replica
from ray.serve.request_router import RunningReplica

from serve_app.cluster.ray_internals import ReplicaCalls
from serve_app.deployments import direct_calls
from serve_app.deployments.direct_calls import AnswersDirectCalls, DirectReplica, DirectResult
from serve_app.errors import Overloaded
from serve_app.pipeline import is_replica_loss
from serve_app.settings import Settings
from serve_app.transport.client import ReplicaLost, Reply
from serve_app.transport.kind import Kind
from serve_app.transport.socket_folder import SOCKET_FOLDER

NODE = "this machine"


class ServeReplica:
    """Behaves like Serve's: accepts calls up to a limit, and counts each until its generator has ended."""

    def __init__(self, limit: int = 2) -> None:
        self.limit = limit
        self.ongoing = 0
        self.most = 0
        self.gate = asyncio.Event()

    async def handle_request_with_rejection(
        self, metadata: Any, *arguments: Any, **keywords: Any
    ) -> AsyncGenerator[Any]:
        if self.ongoing >= self.limit:
            yield SimpleNamespace(accepted=False, num_ongoing_requests=self.ongoing)
            return
        self.ongoing += 1
        self.most = max(self.most, self.ongoing)
        try:
            yield SimpleNamespace(accepted=True, num_ongoing_requests=self.ongoing)
            if metadata.call_method == "wait":
                await self.gate.wait()
            if metadata.call_method == "fail":
                raise Overloaded("full", 2.0)
            yield metadata.call_method, arguments, keywords
        finally:
            self.ongoing -= 1

    def get_num_ongoing_requests(self) -> int:
        return self.ongoing


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[ServeReplica, str]]:
    """A replica and the path of its socket, opened in the order of Serve's start of a replica."""
    monkeypatch.setattr("serve_app.transport.socket_folder._LONGEST_PATH", 107)
    monkeypatch.setenv(SOCKET_FOLDER, str(tmp_path / "s"))
    monkeypatch.setattr(replica, "add_ASGIServiceServicer_to_server", lambda servicer, server: None)
    monkeypatch.setattr(direct_calls, "settings", lambda: Settings(_env_file=None))
    stage, serve_replica = AnswersDirectCalls(), ServeReplica()
    metadata = await stage.record_replica_metadata()
    replica.add_ASGIServiceServicer_to_server(serve_replica, None)
    yield serve_replica, metadata["socket"]
    stage.__del__()
    assert not os.path.exists(metadata["socket"])  # noqa: ASYNC240, PTH110


async def replica_at(path: str, monkeypatch: pytest.MonkeyPatch, node: str = NODE) -> DirectReplica:
    """As the router creates it, after the attempt to connect."""
    monkeypatch.setattr(RunningReplica, "__init__", lambda self, info: setattr(self, "_replica_info", info))
    monkeypatch.setattr(RunningReplica, "try_send_request", lambda *_: "by gRPC")
    info = SimpleNamespace(node_id=node, replica_metadata={"socket": path} if path else {})
    found = DirectReplica(info, NODE)
    if hasattr(found, "_connecting"):
        await found._connecting
    return found


def request(method: str = "classify", *arguments: Any, **attributes: Any) -> Any:
    metadata = SimpleNamespace(call_method=method, **{"is_streaming": False, "_on_separate_loop": False} | attributes)
    return SimpleNamespace(metadata=metadata, args=list(arguments), kwargs={"key": 1})


async def result_of(call: Any) -> Any:
    """Await a call like the router and the handle do."""
    assert isinstance(call, DirectResult)
    assert (await call.get_rejection_response()).accepted
    return await call.get_async()


async def test_a_call_reaches_the_stage(served: tuple[ServeReplica, str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = await replica_at(served[1], monkeypatch)
    assert await result_of(found.try_send_request(request("m", 1, 2), True)) == ("m", (1, 2), {"key": 1})
    assert served[0].ongoing == 0


async def test_a_full_replica_rejects(served: tuple[ServeReplica, str], monkeypatch: pytest.MonkeyPatch) -> None:
    serve_replica, path = served
    found = await replica_at(path, monkeypatch)
    calls = [found.try_send_request(request("wait"), True) for _ in range(2)]
    rejected = await found.try_send_request(request(), True).get_rejection_response()
    assert rejected == (False, 2)
    serve_replica.gate.set()
    for call in calls:
        await result_of(call)
    assert (serve_replica.most, serve_replica.ongoing) == (2, 0)


async def test_serve_counts_a_call_until_it_ends(
    served: tuple[ServeReplica, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that drains waits while this count is not 0."""
    serve_replica, path = served
    found = await replica_at(path, monkeypatch)
    call = found.try_send_request(request("wait"), True)
    await until(lambda: serve_replica.ongoing == 1)
    call.cancel()
    await until(lambda: serve_replica.ongoing == 0)


async def test_the_error_of_a_stage_is_raised_without_keeping_it(
    served: tuple[ServeReplica, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await replica_at(served[1], monkeypatch)
    call = found.try_send_request(request("fail"), True)
    with pytest.raises(Overloaded, match="full") as raised:
        await result_of(call)
    assert raised.value.retry_after == 2.0
    call.cancel()
    assert not hasattr(call, "_reply"), "the error holds the frames that hold the call"


async def test_a_lost_replica_is_reported_to_the_router_and_to_the_pipeline(
    served: tuple[ServeReplica, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await replica_at(served[1], monkeypatch)
    call = found.try_send_request(request("wait"), True)
    reported: list[object] = []
    call.add_done_callback(reported.append)
    assert found._client is not None
    found._client.close()
    assert (await call.get_rejection_response()).accepted, "otherwise the router would repeat it without an end"
    with pytest.raises(ReplicaLost) as lost:
        await call.get_async()
    assert is_replica_loss(lost.value)
    assert [type(each) for each in reported] == [ActorUnavailableError]
    assert found.try_send_request(request(), True) == "by gRPC"


@pytest.mark.parametrize("attributes", [{"is_streaming": True}, {"_on_separate_loop": True}])
async def test_other_kinds_of_calls_use_grpc(
    served: tuple[ServeReplica, str], monkeypatch: pytest.MonkeyPatch, attributes: dict[str, bool]
) -> None:
    found = await replica_at(served[1], monkeypatch)
    assert found.try_send_request(request("m", **attributes), True) == "by gRPC"
    assert found.try_send_request(request("m"), False) == "by gRPC"


async def test_replicas_on_other_machines_without_a_socket_or_dead_use_grpc(
    served: tuple[ServeReplica, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, node in ((served[1], "another machine"), ("", NODE), (f"{served[1]}-gone", NODE)):
        assert (await replica_at(path, monkeypatch, node)).try_send_request(request(), True) == "by gRPC"


async def test_replicas_listen_only_if_enabled_and_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(direct_calls.log, "warning", lambda event, **_: warnings.append(event))
    monkeypatch.setenv(SOCKET_FOLDER, str(tmp_path / ("x" * 100)))
    for direct in (False, True):
        monkeypatch.setattr(direct_calls, "settings", lambda on=direct: Settings(direct_calls=on, _env_file=None))
        assert await AnswersDirectCalls().record_replica_metadata() == {}
        assert warnings == ["direct_calls_unavailable"] * direct


async def test_serve_registers_its_replica_where_it_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of Serve that direct calls rely on."""
    registered: list[tuple[object, object]] = []
    monkeypatch.setattr(
        replica, "add_ASGIServiceServicer_to_server", lambda servicer, server: registered.append((servicer, server))
    )
    calls = ReplicaCalls()
    replica.add_ASGIServiceServicer_to_server("servicer", "server")
    assert calls._replica == "servicer"
    assert registered == [("servicer", "server")]
    assert "add_ASGIServiceServicer_to_server" in replica.Replica._on_initialized.__code__.co_names
    assert callable(replica.Replica.handle_request_with_rejection)
    assert callable(replica.Replica.get_num_ongoing_requests)


def test_a_cancelled_reply_is_not_a_lost_replica() -> None:
    loop = asyncio.new_event_loop()
    cancelled, answered = loop.create_future(), loop.create_future()
    cancelled.cancel()
    answered.set_result(Reply(Kind.RESULT, (1, None)))
    assert not direct_calls._is_lost(cancelled)
    assert not direct_calls._is_lost(answered)
    loop.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - conditions have no event
            await asyncio.sleep(0.001)
