"""The Preprocessor deployment passes its arguments on."""

import pytest

from models.zoo import resolve_model
from serve_app.config import PreprocessorArguments
from serve_app.deployments import preprocessor as module
from serve_app.deployments.preprocessor import PreprocessorDeployment
from serve_app.errors import CorruptImage
from tests.ingress.graph import LITE0

EXPENSIVE = b"\xff\xd8\xff"
"""A JPEG whose header is not understood, which costs 50 or more."""


async def test_expensive_images_are_decoded_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("listen_on_node_address", "start_telemetry", "PreprocessorMetrics"):
        monkeypatch.setattr(module, name, lambda *_: None)
    excluded: list[None] = []
    monkeypatch.setattr(module, "exclude_existing_objects", lambda: excluded.append(None))
    decoded: list[bytes] = []

    def decode(_process: object, data: bytes, *_: object) -> None:
        decoded.append(data)
        raise CorruptImage("as expected")

    monkeypatch.setattr("serve_app.images.decoding_process.DecodingProcess.decode", decode)
    spec = resolve_model(LITE0)
    for expensive_cost, expected in ((1000.0, []), (8.0, [EXPENSIVE])):
        stage = PreprocessorDeployment([spec], PreprocessorArguments(threads=1, processes=1), expensive_cost)
        (outcome,) = (await super(PreprocessorDeployment, stage).prepare(spec.name, [EXPENSIVE], [4e9])).outcomes
        assert isinstance(outcome, CorruptImage)
        assert decoded == expected
        assert excluded.pop() is None
        stage.close()
