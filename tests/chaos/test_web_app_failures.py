"""The web app while the service has failures: it waits, retries and shows the results."""

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.chaos.client import Outcome, closed_loop, repeat_until
from tests.chaos.photos import crops
from tests.service import Service

pytestmark = pytest.mark.chaos
PHOTOS = 24
CLIENTS = 400
"""Each with one photo in flight: more than the service accepts (256 waiting, 48 running)."""
TIMEOUT_MS = 60_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for number, photo in enumerate(crops(PHOTOS, seed=21)):
        path = folder / f"photo-{number}.jpg"
        path.write_bytes(photo.data)
        paths.append(path)
    return paths


def test_all_photos_are_classified_although_the_classifier_is_killed(
    page: Page, service: Service, files: list[Path]
) -> None:
    before = service.replicas("Classifier")  # to look for them later would take longer than the photos
    page.get_by_label("Choose photos").last.set_input_files(files)
    expect(page.locator(".predictions").nth(2)).to_be_visible(timeout=TIMEOUT_MS)
    for process in before:
        process.kill()
    assert page.locator(".predictions").count() < PHOTOS, "all photos were classified before the kill"
    expect(page.get_by_text(f"{PHOTOS} of {PHOTOS} done")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.locator(".predictions")).to_have_count(PHOTOS)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert not any(process.is_running() for process in before)


def test_a_full_queue_is_reported_and_the_photos_are_sent_again(
    page: Page, service: Service, files: list[Path]
) -> None:
    busy = page.get_by_text("Raylens is busy")
    with full_queue(service):
        page.get_by_label("Choose photos").last.set_input_files(files)  # some may find a place at once
        expect(busy.first).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_text(re.compile(r"Retrying in \d+ s")).first).to_be_visible()
        expect(page.get_by_role("button", name="Retry now").first).to_be_visible()
    expect(page.locator(".predictions")).to_have_count(PHOTOS, timeout=TIMEOUT_MS)
    expect(busy).to_have_count(0)


@contextmanager
def full_queue(service: Service) -> Iterator[None]:
    """Other clients keep the queue full, from a thread because Playwright's cannot run another event loop."""
    full, done = threading.Event(), threading.Event()

    def on_outcome(outcome: Outcome) -> None:
        if outcome.status == 503:
            full.set()

    photos = repeat_until(done, crops(200, side=160, seed=22))
    load = closed_loop(service.port, photos, CLIENTS, on_outcome=on_outcome)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, load)
        try:
            assert full.wait(30), "the queue did not fill"
            yield
        finally:
            done.set()
        assert running.result()
