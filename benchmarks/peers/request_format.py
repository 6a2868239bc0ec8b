"""Request and response formats of the systems: the most efficient one that each supports, over HTTP POST."""

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

Answer = list[tuple[int, float]]
"""Class indices and probabilities, most probable first."""

BOUNDARY: Final = "raylens-photo-boundary"
HEADER_LENGTH: Final = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True)
class RequestFormat:
    description: str
    """Used in reports."""
    content_type: str
    encode: Callable[[bytes], bytes]
    """JPEG file → request body."""
    decode: Callable[[bytes, dict[str, str]], Answer]
    """Response body and headers (lower-case names) → answer. Raises ValueError, LookupError or TypeError."""
    header: str = ""
    """An additional request header, as ``Name: value``."""


def _unchanged(photo: bytes) -> bytes:
    return photo


def _form(photo: bytes) -> bytes:
    head = (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="photos"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    return head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()


def _v2_json(photo: bytes) -> bytes:
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [base64.b64encode(photo).decode()]}
    return json.dumps({"inputs": [tensor]}).encode()


def _predictions(body: bytes, _: dict[str, str]) -> Answer:
    return _pairs(json.loads(body)["predictions"])


def _list_of_one(body: bytes, _: dict[str, str]) -> Answer:
    (ranking,) = json.loads(body)
    return _pairs(ranking)


def _pairs(ranking: list[dict[str, Any]]) -> Answer:
    return [(int(entry["index"]), float(entry["probability"])) for entry in ranking]


def _v2_tensors(body: bytes, _: dict[str, str]) -> Answer:
    data = {output["name"]: output["data"] for output in json.loads(body)["outputs"]}
    return [(int(index), float(share)) for index, share in zip(data["index"], data["probability"], strict=True)]


def _v2_binary(body: bytes, headers: dict[str, str]) -> Answer:
    """A JSON header that describes the tensors, followed by the tensors in little-endian order."""
    at = int(headers[HEADER_LENGTH.lower()])
    columns: dict[str, tuple[Any, ...]] = {}
    for output in json.loads(body[:at])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        code, width = {"INT64": ("q", 8), "FP32": ("f", 4)}[output["datatype"]]
        columns[output["name"]] = struct.unpack(f"<{size // width}{code}", body[at : at + size])
        at += size
    return [(int(index), float(share)) for index, share in zip(columns["index"], columns["probability"], strict=True)]


BODY: Final = RequestFormat("raw body", "image/jpeg", _unchanged, _predictions)
FORM: Final = RequestFormat("multipart form", f"multipart/form-data; boundary={BOUNDARY}", _form, _list_of_one)
V2_JSON: Final = RequestFormat("base64 in V2 JSON", "application/json", _v2_json, _v2_tensors)
V2_RAW: Final = RequestFormat("raw body", "application/octet-stream", _unchanged, _v2_binary, f"{HEADER_LENGTH}: 0")
