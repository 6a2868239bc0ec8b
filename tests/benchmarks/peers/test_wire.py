"""How photos travel, and how answers read."""

import base64
import json
import struct

import pytest
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from benchmarks.peers import wire
from benchmarks.peers.catalogue import PEERS

PHOTO = b"\xff\xd8\xff\x00\r\n--photo"
ANSWER = [(285, 0.5), (281, 0.25)]
RANKING = [{"index": index, "label": "cat", "probability": share} for index, share in ANSWER]


def test_as_the_body():
    assert wire.BODY.encode(PHOTO) == wire.V2_RAW.encode(PHOTO) == PHOTO
    assert wire.BODY.decode(json.dumps({"predictions": RANKING}).encode(), {}) == ANSWER


async def test_in_a_form():
    async def body():
        yield wire.FORM.encode(PHOTO)

    form = await MultiPartParser(Headers({"content-type": wire.FORM.content_type}), body()).parse()
    file = form["photos"]
    assert isinstance(file, UploadFile)
    assert await file.read() == PHOTO
    await form.close()
    assert wire.FORM.decode(json.dumps([RANKING]).encode(), {}) == ANSWER


def test_in_json():
    (tensor,) = json.loads(wire.V2_JSON.encode(PHOTO))["inputs"]
    assert base64.b64decode(tensor["data"][0]) == PHOTO
    outputs = [{"name": "index", "data": [285, 281]}, {"name": "probability", "data": [0.5, 0.25]}]
    assert wire.V2_JSON.decode(json.dumps({"outputs": outputs}).encode(), {}) == ANSWER


def test_binary_tensors():
    outputs = [
        {"name": "index", "datatype": "INT64", "parameters": {"binary_data_size": 16}},
        {"name": "probability", "datatype": "FP32", "parameters": {"binary_data_size": 8}},
    ]
    head = json.dumps({"outputs": outputs}).encode()
    body = head + struct.pack("<2q", 285, 281) + struct.pack("<2f", 0.5, 0.25)
    assert wire.V2_RAW.decode(body, {"inference-header-content-length": str(len(head))}) == ANSWER


@pytest.mark.parametrize("form", [wire.BODY, wire.FORM, wire.V2_JSON, wire.V2_RAW])
def test_an_unreadable_answer(form: wire.Wire):
    with pytest.raises((ValueError, LookupError, TypeError)):
        form.decode(b'{"error": "no"}', {})


def test_names_are_unique():
    names = [peer.name for peer in PEERS]
    assert len(set(names)) == len(names)
