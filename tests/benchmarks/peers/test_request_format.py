"""Request and response formats of the systems."""

import base64
import json
import struct

import pytest
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from benchmarks.peers import request_format
from benchmarks.peers.catalogue import PEERS

PHOTO = b"\xff\xd8\xff\x00\r\n--photo"
ANSWER = [(285, 0.5), (281, 0.25)]
RANKING = [{"index": index, "label": "cat", "probability": share} for index, share in ANSWER]


def test_raw_body():
    assert request_format.BODY.encode(PHOTO) == request_format.V2_RAW.encode(PHOTO) == PHOTO
    assert request_format.BODY.decode(json.dumps({"predictions": RANKING}).encode(), {}) == ANSWER


async def test_multipart_form():
    async def body():
        yield request_format.FORM.encode(PHOTO)

    form = await MultiPartParser(Headers({"content-type": request_format.FORM.content_type}), body()).parse()
    file = form["photos"]
    assert isinstance(file, UploadFile)
    assert await file.read() == PHOTO
    await form.close()
    assert request_format.FORM.decode(json.dumps([RANKING]).encode(), {}) == ANSWER


def test_v2_json():
    (tensor,) = json.loads(request_format.V2_JSON.encode(PHOTO))["inputs"]
    assert base64.b64decode(tensor["data"][0]) == PHOTO
    outputs = [{"name": "index", "data": [285, 281]}, {"name": "probability", "data": [0.5, 0.25]}]
    assert request_format.V2_JSON.decode(json.dumps({"outputs": outputs}).encode(), {}) == ANSWER


def test_binary_tensors():
    outputs = [
        {"name": "index", "datatype": "INT64", "parameters": {"binary_data_size": 16}},
        {"name": "probability", "datatype": "FP32", "parameters": {"binary_data_size": 8}},
    ]
    head = json.dumps({"outputs": outputs}).encode()
    body = head + struct.pack("<2q", 285, 281) + struct.pack("<2f", 0.5, 0.25)
    assert request_format.V2_RAW.decode(body, {"inference-header-content-length": str(len(head))}) == ANSWER


@pytest.mark.parametrize(
    "form", [request_format.BODY, request_format.FORM, request_format.V2_JSON, request_format.V2_RAW]
)
def test_malformed_responses_are_rejected(form: request_format.RequestFormat):
    with pytest.raises((ValueError, LookupError, TypeError)):
        form.decode(b'{"error": "no"}', {})


def test_names_are_unique():
    names = [peer.name for peer in PEERS]
    assert len(set(names)) == len(names)
