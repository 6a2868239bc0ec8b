"""Set-up of a run: fake model, fixed replicas, small images, several images per request."""

import io
from email import message_from_bytes
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.growth.configuration import faked
from benchmarks.growth.request_sizes import CONTENT_TYPE, bodies, body
from benchmarks.growth.thumbnails import HEIGHT, WIDTH, thumbnails
from benchmarks.serve_yaml import read, write
from serve_app.cluster.serve_config import capped
from serve_app.cluster.serve_config import read as read_checked
from serve_app.config import BuildArguments


@pytest.mark.parametrize(("replicas", "preprocessors"), [(1, 1), (3, 1), (4, 2), (8, 3)])
def test_replicas_are_fixed_and_fit_on_two_cores(replicas: int, preprocessors: int, tmp_path: Path):
    document = capped(read_checked(write(faked(read(), replicas, 20.0), tmp_path / "serve.yaml")), 2.0)
    deployments = {each["name"]: each for each in document["applications"][0]["deployments"]}
    for name, wanted in (("Ingress", 1), ("Preprocessor", preprocessors), ("Classifier", replicas)):
        scaling = deployments[name]["autoscaling_config"]
        assert (scaling["min_replicas"], scaling["max_replicas"]) == (wanted, wanted)
    assert deployments["Results"]["num_replicas"] == 1


def test_the_model_has_a_latency_per_image():
    document = read()
    (application,) = faked(document, 2, 20.0)["applications"]
    classifier = BuildArguments.model_validate(application["args"]).classifier
    assert (classifier.runtime, classifier.fake_image_ms, classifier.fake_call_ms) == ("fake", 20.0, 0.0)
    assert document == read(), "the input is not modified"


def test_thumbnails_are_small_and_distinct():
    made = thumbnails(12)
    assert len(set(made)) == 12
    assert max(map(len, made)) < 3000
    with Image.open(io.BytesIO(made[0])) as image:
        assert (image.format, image.size) == ("JPEG", (WIDTH, HEIGHT))


def test_a_body_contains_its_photos():
    message = message_from_bytes(f"Content-Type: {CONTENT_TYPE}\r\n\r\n".encode() + body([b"\xff\xd8one", b"two"]))
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part.get_param("name", header="Content-Disposition") for part in parts] == ["file", "file"]
    assert [part.get_payload(decode=True) for part in parts] == [b"\xff\xd8one", b"two"]


@pytest.mark.parametrize("bundle", [1, 4, 16, 64])
def test_requests_use_each_photo_equally_often(bundle: int):
    photos = [f"<photo {number}>".encode() for number in range(80)]
    made = b"".join(bodies(photos, bundle))
    counts = {made.count(photo) for photo in photos}
    assert max(counts) - min(counts) <= 1 <= min(counts)
