import hashlib
import json

import pytest
import typer
from typer.testing import CliRunner

from serve_app.cli.classify import classify_command
from serve_app.settings import settings
from tests.cli.api import FakeApi, Reply
from tests.models.custom.saved import COLOURS, write_colour_model

app = typer.Typer()
app.command()(classify_command)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def run(*arguments: object):
    return CliRunner().invoke(app, [*(str(argument) for argument in arguments), "--local", "--runtime", "fake"])


def test_images_are_classified_without_a_server(photos):
    result = run(photos, "--json", "--top-k", 3)
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["source"] for line in found] == [str(photos / name) for name in ("a.jpg", "b.png", "deep/c.WEBP")]
    for line in found:
        assert (line["image"]["width"], line["image"]["height"]) == (40, 30)
        assert line["model"] == {"name": "efficientnet-lite0", "version": "1", "runtime": "fake", "precision": "fp32"}
        assert [p["rank"] for p in line["predictions"]] == [1, 2, 3]
        assert all(p["wnid"].startswith("n") and p["label"] for p in line["predictions"])
        probabilities = [p["probability"] for p in line["predictions"]]
        assert probabilities == sorted(probabilities, reverse=True)
    assert found[0]["image"]["sha256"] == hashlib.sha256((photos / "a.jpg").read_bytes()).hexdigest()


def test_invalid_images_fail_alone_and_results_keep_their_order(photos):
    good = [photos / "a.jpg", photos / "b.png"]
    bad = [photos / "notes.txt", photos / "missing.png"]
    alone = {str(image): json.loads(run(image, "--json").stdout)["predictions"] for image in good}
    result = run(bad[0], good[0], bad[1], good[1], *good * 6, bad[0], "--json")
    assert result.exit_code == 1
    found = [json.loads(line) for line in result.stdout.splitlines()]
    codes = [line["error"]["code"] for line in found if "error" in line]
    assert codes == ["unsupported_image", "image_missing", "unsupported_image"]
    for line in found:
        if "error" not in line:
            assert [p["index"] for p in line["predictions"]] == [p["index"] for p in alone[line["source"]]]


def test_an_unknown_model_is_one_line(photos):
    result = run(photos, "--model", "efficientnet-lite9")
    assert result.exit_code == 2
    assert "efficientnet-lite0" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_model_file_whose_input_range_is_assumed_is_warned_of(photos, tmp_path):
    model = write_colour_model(tmp_path / "größe.keras", activation="softmax", labels=COLOURS)
    result = run(photos / "a.jpg", "--json", "--model", model)
    assert json.loads(result.stdout)["model"]["name"] == "größe"
    assert "Warning: größe.keras has no layer that scales its input" in result.stderr
    (tmp_path / "größe.model.yaml").write_text("input_range: 0..255")
    assert run(photos / "a.jpg", "--json", "--model", model).stderr == ""


def test_a_served_model_file_is_found_by_its_name(photos, tmp_path, monkeypatch):
    model = write_colour_model(tmp_path / "Größe.keras", activation="softmax", labels=COLOURS)
    monkeypatch.setenv("RAYLENS_MODELS", f"efficientnet-lite0,{model}")
    settings.cache_clear()
    result = run(photos / "a.jpg", "--json", "--model", "GRÖSSE")
    assert json.loads(result.stdout)["model"]["name"] == "größe", result.output


def test_urls_of_private_addresses_are_rejected(api: FakeApi):
    result = run(f"{api.url}/dog.jpg", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "forbidden_address"


def test_urls_of_allowed_networks_are_fetched(api: FakeApi, photos, monkeypatch):
    monkeypatch.setenv("RAYLENS_FETCH_ALLOWED_NETWORKS", "127.0.0.0/8")
    settings.cache_clear()
    api.get["/dog.jpg"] = Reply(200, (photos / "a.jpg").read_bytes(), {"Content_Type": "image/jpeg"})
    result = run(f"{api.url}/dog.jpg", f"{api.url}/cat.jpg", "--json")
    dog, cat = (json.loads(line) for line in result.stdout.splitlines())
    assert dog["image"]["url"] == f"{api.url}/dog.jpg"
    assert dog["image"]["sha256"] == hashlib.sha256((photos / "a.jpg").read_bytes()).hexdigest()
    assert cat["error"]["code"] == "fetch_failed"


def test_a_data_folder_that_cannot_be_created_is_one_line(photos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path / "file" / "data"))
    settings.cache_clear()
    result = run(photos)
    assert result.exit_code == 2
    assert "RAYLENS_DATA_DIR" in result.stderr
