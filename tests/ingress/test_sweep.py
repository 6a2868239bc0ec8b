"""Periodic deletion of the data of deleted users, in every replica."""

import threading
from pathlib import Path
from unittest.mock import patch

from serve_app.ingress import gateway
from serve_app.statistics.record_writer import write_records
from tests.auth.user_factory import UserFactory
from tests.ingress.graph import Graph, running, until
from tests.ingress.tokens import bearer
from tests.statistics.examples import example, rows


async def test_a_failed_sweep_is_repeated(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []

    def sweep() -> None:
        threads.append(threading.current_thread())
        raise ConnectionError("the database is unavailable")

    with patch.object(gateway, "SWEEP_INTERVAL_S", 0.01), patch("auth.service.Auth.sweep", side_effect=sweep):
        async with running(tmp_path):
            await until(lambda: len(threads) >= 3)
    assert threading.main_thread() not in threads, "the event loop never waits for the database"


async def test_deleting_an_account_deletes_its_history(graph: Graph, factory: UserFactory) -> None:
    alice, bob = factory.add("alice", password=None), factory.add("bob")
    engine = graph.gateway.engine
    write_records(engine, [example(1, user_id=alice), example(2, user_id=bob), example(3)])
    headers = bearer(factory.issue(alice, "token"))
    response = await graph.client.request("DELETE", "/api/v1/account", json={}, headers=headers)
    assert response.status_code == 204, response.text
    assert rows(engine) == 2
    assert graph.gateway.history.page(bob, 5).records


async def test_the_account_export_has_the_classifications_of_the_api(graph: Graph, factory: UserFactory) -> None:
    alice = factory.add()
    write_records(graph.gateway.engine, [example(n, user_id=alice) for n in range(3)])
    records = list(graph.gateway.auth.records_of(alice))
    assert [record["id"] for record in records] == [example(n).id for n in (2, 1, 0)]
    assert records[0] == graph.gateway.record(graph.gateway.history.get(example(2).id))
