"""What people see of it in the browser when the service is in trouble: they wait, and then get their answers."""

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import EXAMPLES
from tests.chaos.client import Outcome, closed_loop
from tests.chaos.photos import Photo, cut
from tests.service import Service

pytestmark = pytest.mark.chaos
PHOTOS = 24
CROWD = 400
"""Clients, each with a photo under way: more than the service holds on to (256 waiting, 48 in work)."""
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for number, photo in enumerate(cut(PHOTOS, seed=21)):
        path = folder / f"photo-{number}.jpg"
        path.write_bytes(photo.data)
        paths.append(path)
    return paths


def test_every_photo_is_answered_though_the_classifier_is_killed(
    page: Page, service: Service, files: list[Path]
) -> None:
    before = {process.pid for process in service.replicas("Classifier")}
    page.get_by_label("Choose photos").last.set_input_files(files)
    expect(page.locator(".predictions").nth(2)).to_be_visible(timeout=PATIENCE_MS)
    service.kill("Classifier")
    assert page.locator(".predictions").count() < PHOTOS, "they were done before the kill"
    expect(page.get_by_text(f"{PHOTOS} of {PHOTOS} done")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".predictions")).to_have_count(PHOTOS)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert {process.pid for process in service.replicas("Classifier")} != before


def test_a_full_queue_is_told_and_waited_for(page: Page, service: Service) -> None:
    refused = "The service is busy"
    with crowded(service):
        page.get_by_label("Choose photos").last.set_input_files(EXAMPLES / "cat.jpg")
        expect(page.get_by_text(refused)).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text(re.compile(r"Next try in \d+ s"))).to_be_visible()
        expect(page.get_by_role("button", name="Try now")).to_be_visible()
    expect(page.locator(".predictions")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text(refused)).to_have_count(0)


@contextmanager
def crowded(service: Service) -> Iterator[None]:
    """Others fill the queue and keep it full; the browser's own thread can run no event loop, so they have one."""
    full, done = threading.Event(), threading.Event()

    def heard(outcome: Outcome) -> None:
        if outcome.status == 503:
            full.set()

    def until_done(photos: list[Photo]) -> Iterator[Photo]:
        for photo in cycle(photos):
            if done.is_set():
                return
            yield photo

    load = closed_loop(service.port, until_done(cut(200, side=160, seed=22)), CROWD, heard=heard)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, load)
        try:
            assert full.wait(30), "the queue did not fill"
            yield
        finally:
            done.set()
        assert running.result()
