"""Ray's token with and without a home folder."""

from pathlib import Path

import pytest

from serve_app.cluster.auth_token import token_flags


def test_ray_stores_its_token_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "new"))
    assert token_flags({}) == {}
    (tmp_path / "new" / ".ray" / "auth_token").write_text("secret")
    assert token_flags({}) == {}


def test_a_home_folder_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for home in ("/proc/nowhere", str(tmp_path / "file")):
        monkeypatch.setenv("HOME", home)
        assert len(token_flags({})["RAY_AUTH_TOKEN"]) == 64
        assert token_flags({"RAY_AUTH_TOKEN": "mine"}) == {}
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    assert "RAY_AUTH_TOKEN" in token_flags({})
