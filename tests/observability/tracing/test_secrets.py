"""Image URLs are no more than a host name in traces, logs and errors: path and query may be secret."""

import logging

import pytest
from structlog.testing import capture_logs

from tests.fetch.server import Answer, closing, redirect, respond
from tests.fetch.server import running as serving
from tests.ingress.pictures import picture, truncated
from tests.observability.tracing.traces import IMAGES, Traces, traceparent

SECRET = "topsecret"
ANSWERS: dict[str, Answer] = {
    "an image": respond(picture()),
    "a damaged image": respond(truncated()),
    "an error": respond(status=f"403 {SECRET}"),
    "no HTTP": closing(SECRET.encode()),
    "text": respond(f"{SECRET} is the password".encode() * 100),
    "a redirect to where nothing is fetched from": redirect(f"ftp://example.org/{SECRET}"),
    "a redirect with credentials": redirect(f"http://{SECRET}:{SECRET}@example.org/"),
    "a redirect to an internal address": redirect(f"http://10.0.0.1/{SECRET}"),
    "a redirect to a closed port": redirect(f"http://127.0.0.1:1/{SECRET}?{SECRET}"),
    "an endless redirect": redirect(f"/{SECRET}?{SECRET}"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_image_urls_are_secret(traces: Traces, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "serve_app")
    async with serving() as website:
        website.answers[f"/{SECRET}?{SECRET}"] = ANSWERS[name]
        document = {"image_url": f"http://127.0.0.1:{website.port}/{SECRET}?{SECRET}"}
        with capture_logs() as lines:
            response = await traces.graph.client.post(IMAGES, json=document, headers={"traceparent": traceparent(1)})
        assert (response.status_code == 201) is (name == "an image")
        if response.status_code != 201:
            assert SECRET not in response.text
        assert "127.0.0.1" in traces.of(1).find("image", "fetch").attributes.values()
        recorded = [span.to_json() for span in traces.spans()]
        assert SECRET not in "\n".join([*recorded, caplog.text, str(lines)])
        assert not any(b"referer" in request.lower() or b"cookie" in request.lower() for request in website.requests)
