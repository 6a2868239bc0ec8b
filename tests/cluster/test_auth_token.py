"""Ray's token is readable for its owner only, whatever the home folder and the mask of new files are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cluster.auth_token import token_flags, token_path


@pytest.fixture(autouse=True)
def no_mask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_token_of_its_own_that_only_its_owner_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert token_flags(tmp_path, {}) == {"RAY_AUTH_TOKEN_PATH": str(token_path(tmp_path))}
    assert token_path(tmp_path).stat().st_mode & 0o777 == 0o600
    assert len(token_path(tmp_path).read_text()) == 64
    assert not (tmp_path / "home").exists()


def test_each_cluster_has_another_token(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        token_flags(folder, {})
    assert token_path(folders[0]).read_text() != token_path(folders[1]).read_text()


def test_a_token_is_not_written_through_a_link(tmp_path: Path) -> None:
    token_path(tmp_path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        token_flags(tmp_path, {})
    assert not (tmp_path / "elsewhere").exists()


def test_a_configured_token_is_used(tmp_path: Path) -> None:
    assert token_flags(tmp_path, {"RAY_AUTH_TOKEN": "mine"}) == {}
    assert token_flags(tmp_path, {"RAY_AUTH_TOKEN_PATH": "/secret"}) == {}
