"""The server that measures HTTP alone."""

import httpx

from benchmarks.bare_http import ANSWER, app


async def test_any_photo_gets_the_same_answer():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bare") as client:
        response = await client.post("/api/v1/classifications?cache=off", content=b"a photo")
    assert response.json() == ANSWER
