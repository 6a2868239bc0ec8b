"""Users' model files through the real service: several beside a built-in model, with names in any script."""

import json
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from models.custom.names import ascii_name
from tests.e2e.images import JPEG, URL
from tests.models.custom.saved import COLOURS, write_colour_model
from tests.service import Service

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def custom_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("custom")
    models = folder / "my models, all"
    write_colour_model(models / "Größe.keras", activation="softmax", labels=COLOURS)
    write_colour_model(models / "日本 語.KERAS", activation="sigmoid", labels=["赤", "緑", "青"])
    write_colour_model(models / "other" / "größe.keras", activation="linear", labels=["cold", "warm"])
    (models / "other" / "model.yaml").write_text("name: Tür & Tor\ninput_range: 0..255\n")
    # The replicas run in another folder than `raylens serve`, which the relative paths start from.
    names = [str(path.relative_to(folder)) for path in sorted(models.rglob("*.[kK]*"))]
    service = Service(
        folder, RAYLENS_MODELS=json.dumps([*names, "efficientnet-lite0"]), RAY_metrics_report_interval_ms="2000"
    )
    service.start()
    yield service
    service.stop()


def colour(*rgb: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 30), rgb).save(file, "PNG")
    return file.getvalue()


def test_files_beside_a_built_in_model(custom_service: Service) -> None:
    with httpx.Client(base_url=custom_service.url, timeout=60) as client:
        cards = {card["name"]: card for card in client.get("/api/v1/models").json()["items"]}
        kinds = {name: card["kind"] for name, card in cards.items()}
        assert kinds == {
            "größe": "multi-class",
            "日本-語": "multi-label",
            "tür-tor": "binary",
            "efficientnet-lite0": "multi-class",
        }
        assert [name for name, card in cards.items() if card["default"]] == ["größe"]
        assert client.get("/api/v1/models/日本-語").json() == cards["日本-語"]

        def predictions(model: str, picture: bytes) -> dict[str, float]:
            response = client.post(URL, content=picture, headers=JPEG, params={"model": model, "top_k": 3})
            assert response.status_code == 201, response.text
            assert response.json()["model"]["name"] in cards
            return {each["label"]: each["probability"] for each in response.json()["predictions"]}

        assert predictions("größe", colour(255, 0, 0))["red"] == pytest.approx(1, abs=0.01)
        both = predictions("日本-語", colour(255, 255, 0))
        assert (both["赤"], both["緑"], both["青"]) == pytest.approx((0.98, 0.98, 0.02), abs=0.01)
        assert predictions("Tu\u0308r-Tor", colour(255, 0, 0)) == pytest.approx({"warm": 0.98, "cold": 0.02}, abs=0.01)
        assert len(predictions("efficientnet-lite0", colour(255, 0, 0))) == 3
        labels = client.get("/api/v1/labels", params={"model": "日本-語"}).json()["items"]
        assert [label["label"] for label in labels] == ["赤", "緑", "青"]
        assert {row["label"] for row in client.get("/api/v1/top?by=label").json()["items"]} >= {"red", "赤", "warm"}


def test_metrics_carry_the_names_of_the_models(custom_service: Service) -> None:
    expected = f'model="{ascii_name("日本-語")}"'
    deadline = time.monotonic() + 60
    while expected not in httpx.get(custom_service.addresses["metrics"], timeout=30).text:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_command_line_names_the_models_as_the_service_does(custom_service: Service) -> None:
    picture = custom_service.folder / "red.png"
    picture.write_bytes(colour(255, 0, 0))
    output = custom_service.run(
        "classify", str(picture), "--server", custom_service.url, "--model", "日本-語", "--json"
    )
    assert json.loads(output)["predictions"][0]["label"] == "赤"


@pytest.mark.chaos
def test_a_file_on_tensorflow(tmp_path: Path) -> None:
    path = write_colour_model(tmp_path / "größe.keras", activation="sigmoid", labels=COLOURS)

    def on_tensorflow(application: dict[str, dict[str, dict[str, str]]]) -> None:
        application["args"]["classifier"]["runtime"] = "tensorflow"

    service = Service(tmp_path, on_tensorflow, RAYLENS_MODELS=str(path))
    service.start()
    try:
        response = httpx.post(f"{service.url}{URL}", content=colour(255, 255, 0), headers=JPEG, timeout=60).json()
    finally:
        service.stop()
    assert response["model"]["runtime"] == "tensorflow"
    found = {each["label"]: each["probability"] for each in response["predictions"]}
    assert found == pytest.approx({"red": 0.98, "green": 0.98, "blue": 0.02}, abs=0.01)
