from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from serve_app.settings import settings
from tests.cli.api import FakeApi, running


@pytest.fixture(autouse=True)
def config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private folder of credentials, instead of the developer's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("RAYLENS_SERVER", "RAYLENS_TOKEN", "RAYLENS_INSECURE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config" / "raylens" / "credentials"


@pytest.fixture(autouse=True)
def keep_process_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command configures logging and caches settings in its process, here the process of all tests."""
    monkeypatch.setattr("serve_app.observability.logging.configure_logging", lambda _settings: None)
    yield
    settings.cache_clear()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with running(FakeApi()) as api:
        yield api


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images, one of them in a subfolder, and a text file."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(["b.png", "a.jpg", "deep/c.WEBP"]):
        Image.new("RGB", (40, 30), (80 * number, 100, 50)).save(
            folder / name, name.rpartition(".")[2].replace("jpg", "jpeg")
        )
    (folder / "notes.txt").write_text("no image")
    return folder
