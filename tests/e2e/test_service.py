"""The API and the command line against the real service: photos, batches, live pipeline, metrics, errors."""

import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from models.runtimes.loading import load_runtime
from models.zoo import resolve_model
from serve_app.images.decoding import decode
from tests.e2e.file_server import file_server
from tests.e2e.images import CAT, JPEG, PHOTOS, URL, random_jpeg
from tests.servers.process import free_port
from tests.service import Service

pytestmark = pytest.mark.e2e

CATS = {"tabby", "tiger_cat", "Egyptian_cat", "lynx", "Persian_cat", "Siamese_cat"}


def class_of(photo: Path) -> int:
    """The number at the end of a file's name is its ImageNet class."""
    return int(photo.stem.rpartition("_")[2])


def raylens(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serve_app.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        env={"PATH": "/usr/bin:/bin", "NO_COLOR": "1", "COLUMNS": "200"} | environment,
        check=False,
    )


def test_curl_uploads_a_photo(service: Service) -> None:
    command = ["curl", "-sS", "--fail", "--data-binary", f"@{CAT}", f"{service.url}{URL}"]
    response = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)
    assert response["predictions"][0]["label"] in CATS
    assert (response["image"]["width"], response["image"]["height"]) == (451, 300)


def test_labelled_photos_are_classified(client: httpx.Client) -> None:
    assert len(PHOTOS) == 20
    responses = [client.post(URL, content=photo.read_bytes(), headers=JPEG).json() for photo in PHOTOS]
    found = [
        class_of(photo) in {prediction["index"] for prediction in response["predictions"]}
        for photo, response in zip(PHOTOS, responses, strict=True)
    ]
    assert sum(found) >= 18


def test_probabilities_equal_those_of_the_model(client: httpx.Client, service: Service) -> None:
    """Up to the batching. tests/models compares the artifact with Keras."""
    spec = resolve_model("efficientnet-lite0")
    artifacts = service.folder / "data" / "artifacts"
    model = load_runtime(spec, runtime="openvino", precision="fp32", artifacts_dir=artifacts, batch_buckets=(20,))
    expected = model.predict(np.stack([decode(photo.read_bytes(), spec.transform)[1] for photo in PHOTOS]))
    files = [("file", (photo.name, photo.read_bytes(), "image/jpeg")) for photo in PHOTOS]
    items = client.post(URL, files=files, params={"top_k": 1000, "cache": "off"}).json()["items"]
    for item, row in zip(items, expected, strict=True):
        probabilities = np.empty(1000)
        for prediction in item["predictions"]:
            probabilities[prediction["index"]] = prediction["probability"]
        assert np.abs(probabilities - row).max() < 1e-4


def test_the_original_endpoints(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "dog.jpg").write_bytes(random_jpeg(8))
    with file_server(tmp_path) as base:
        document = {"image_url": f"{base}/dog.jpg"}
        responses = [client.post("/classify-image", json=document) for _ in range(3)]
    assert [response.status_code for response in responses] == [201] * 3
    assert [response.headers["X-Cache"] for response in responses] == ["miss", "hit", "hit"]
    assert set(responses[0].json()) == {"classification", "confidence", "processing_time"}
    row = next(row for row in client.get("/report").json() if row["image_url"] == document["image_url"])
    assert row["classification_count"] == 3
    assert client.get("/health").json() == {"is_healthy": True}


def test_a_private_address_is_rejected(client: httpx.Client) -> None:
    response = client.post("/classify-image", json={"image_url": "http://169.254.169.254/latest/meta-data/"})
    assert (response.status_code, response.json()["code"]) == (422, "forbidden_address")
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_corrupt_image_does_not_affect_the_others(client: httpx.Client) -> None:
    bodies = [random_jpeg(1), random_jpeg(2)[:300], random_jpeg(3)]
    files = [("file", (f"{i}.jpg", body, "image/jpeg")) for i, body in enumerate(bodies)]
    items = client.post(URL, files=files).json()["items"]
    assert [item.get("code") for item in items] == [None, "corrupt_image", None]
    assert items[1]["request_id"]


def test_request_ids_are_kept_or_generated(client: httpx.Client) -> None:
    own = client.post(URL, content=b"", headers={"X-Request-ID": "my-own"})
    assert own.json()["request_id"] == own.headers["X-Request-ID"] == "my-own"
    given = [client.post(URL, content=b"") for _ in range(2)]
    assert len({response.json()["request_id"] for response in given} - {""}) == 2
    assert all(response.headers["X-Request-ID"] == response.json()["request_id"] for response in given)


def test_a_body_over_the_limit_is_rejected(client: httpx.Client) -> None:
    response = client.post(URL, content=random_jpeg(4) + b"\0" * (20 << 20), headers=JPEG)
    assert (response.status_code, response.json()["code"]) == (413, "image_too_large")


def test_health_lists_the_components(client: httpx.Client) -> None:
    assert client.get("/api/health/live").json() == {"is_healthy": True}
    ready = client.get("/api/health/ready").json()
    assert ready == {
        "status": "ready",
        "parts": {"model:efficientnet-lite0": "ok", "cache": "ok", "database": "ok", "storage": "ok"},
    }


def mean_batch(batch_sizes: dict[str, int]) -> float:
    images = sum(int(size) * count for size, count in batch_sizes.items())
    return images / max(1, sum(batch_sizes.values()))


def test_batches_grow_with_the_load(client: httpx.Client, service: Service) -> None:
    pictures = [random_jpeg(1000 + i) for i in range(128)]
    with (
        ThreadPoolExecutor(64) as pool,
        httpx.Client(base_url=service.url, timeout=60, limits=httpx.Limits(max_connections=64)) as many,
    ):
        started = time.monotonic()
        responses = list(pool.map(lambda data: many.post(URL, content=data, headers=JPEG), pictures))
        window_s = min(60.0, time.monotonic() - started + 1.0)
    assert {response.status_code for response in responses} == {201}
    live = client.get("/api/v1/pipeline", params={"window_s": window_s}).json()
    assert live["outcomes"]["miss"] >= 128
    assert mean_batch(live["batch_sizes"]) > 4
    assert live["images_per_s"] > 1
    assert {"Ingress", "Preprocessor", "Classifier", "Results"} <= set(live["deployments"])
    assert all(state["replicas"] >= 1 for state in live["deployments"].values())
    ids = {response.json()["id"] for response in responses}
    assert len(ids) == 128
    sample = client.get(f"{URL}/{min(ids)}")
    assert sample.status_code == 200, "the record is stored before the response is sent"


def test_requests_of_disconnected_clients_leave_the_queue(service: Service, client: httpx.Client) -> None:
    body = random_jpeg(5)
    fields = f"Host: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}"
    head = f"POST {URL} HTTP/1.1\r\n{fields}\r\n\r\n".encode()
    for sent in (head + body, head + body[:100]):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", service.port)) as connection:
                connection.sendall(sent)
    assert client.post(URL, content=random_jpeg(6), headers=JPEG).status_code == 201
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        (queue,) = client.get("/api/v1/pipeline").json()["queues"].values()
        if queue["waiting"] == queue["running"] == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"images of disconnected clients: {queue}")


def test_raylens_classify_uses_the_server(service: Service) -> None:
    result = raylens("classify", "--json", "--server", service.url, str(CAT), str(PHOTOS[0]))
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 2
    assert "tabby" in result.stdout or "cat" in result.stdout


def test_raylens_status_shows_the_deployments(service: Service) -> None:
    result = raylens("status", "--server", service.url)
    assert result.returncode == 0, result.stderr
    assert "Raylens is ready." in result.stdout
    for word in ("model:efficientnet-lite0", "Classifier", "HEALTHY"):
        assert word in result.stdout


def test_metrics_are_exported(service: Service, client: httpx.Client) -> None:
    client.post(URL, content=random_jpeg(7), headers=JPEG)
    client.post(URL, content=b"no image")
    expected = {
        "raylens_preprocess_ms",
        "raylens_inference_ms",
        "raylens_results_ms",
        "raylens_request_ms",
        "raylens_batch_size",
        "raylens_inference_waiting",
        "raylens_queue_images",
        "raylens_rejections",
        "raylens_records_written",
        "raylens_records_pending",
        "raylens_autoscaling_images",
        "raylens_autoscaling_utilization",
        "raylens_autoscaling_desired_replicas",
        "raylens_autoscaling_target_replicas",
        "raylens_autoscaling_running_replicas",
        "raylens_autoscaling_min_replicas",
        "raylens_autoscaling_max_replicas",
        "raylens_autoscaling_bound",
    }
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        text = httpx.get(service.addresses["metrics"], timeout=10).text
        missing = {name for name in expected if f"ray_{name}" not in text}
        if not missing:
            return
        time.sleep(0.2)
    raise AssertionError(f"missing from Ray's metrics: {missing}")


def test_a_port_in_use_is_reported(service: Service, tmp_path: Path) -> None:
    result = raylens("serve", "--port", str(service.port), RAYLENS_DATA_DIR=str(tmp_path))
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert str(service.port) in line
    assert "--port" in line


def test_an_invalid_configuration_is_reported(tmp_path: Path) -> None:
    config = tmp_path / "serve.yaml"
    config.write_text("applications: [{args: {queue: {max_batch: 0}}}]")
    result = raylens("serve", "--port", str(free_port()), "--config", str(config), RAYLENS_DATA_DIR=str(tmp_path))
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert str(config) in line


def test_files_are_written_only_to_the_data_folder(service: Service) -> None:
    files = {path.name for path in service.folder.iterdir()}
    assert files == {"data", "serve.log", "serve.yaml"}
    assert (service.folder / "data" / "raylens.db").stat().st_size > 0
    assert service.log.read_text().count("Traceback") == 0
