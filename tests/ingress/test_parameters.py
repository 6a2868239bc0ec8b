"""What clients write into numbers and headers: never 500, and numbers only in one way."""

import re
from typing import Any

import pytest

from auth.principal import Scope
from tests.auth.user_factory import UserFactory
from tests.ingress.graph import LITE0, Graph
from tests.ingress.pictures import picture
from tests.ingress.tokens import bearer

NO_INTEGERS = (
    "1_0",
    " 5",
    "5 ",
    "+5",
    "5.0",
    "0x5",
    "1e1",
    "\u0665",
    "\uff15",
    "\u00b2",
    "5\n",
    "\u00a05",
    "nan",
    "inf",
    "9" * 5000,
)
NO_NUMBERS = (*(text for text in NO_INTEGERS if text != "5.0"), "1e400", "5.", ".5", "1_0.0", "-inf", "5,0")
HEADERS = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Content-Type", "Cookie", "Expect", "Forwarded"),
    *(
        "If-Match",
        "If-Modified-Since",
        "If-None-Match",
        "If-Range",
        "If-Unmodified-Since",
        "Origin",
        "Range",
        "Referer",
    ),
    *("Traceparent", "Tracestate", "User-Agent", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"),
    *("X-Request-ID", "X-Request-Timeout", "X-Requested-With", "X-HTTP-Method-Override"),
)
VALUES = (
    *(b"\xb2", b"\xff\xfe", b"\xd9\xa5", b"\x7f", b"a" * 5000, b"-1", b"9" * 400, b"nan", b"1e400", b"=", b";;;,,,"),
    *(b'"', b"bytes=\xb2-", b"bytes=5-\xb9", b"bytes=-", b"bytes=9-1", b"bytes=0-0,2-3", b"bytes=" + b"0-1," * 500),
    *(b"bytes=" + b"9" * 5000 + b"-", b"Basic =", b"Basic \xff", b"Bearer", b"Bearer \xb2", b"Token \x00"[:-1] + b"x"),
    *(
        b"multipart/form-data; boundary=\xff",
        b"application/json; charset=\xb2",
        b"a=b; c",
        b"00-\xb2-1-1",
        b"Mon, \xb2 Jan",
    ),
)


def operations(graph: Graph, kind: str) -> list[tuple[str, str, str, str]]:
    """Method, path, place and name of all parameters of a type."""
    found = []
    for path, methods in graph.app.openapi()["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                schema: dict[str, Any] = parameter["schema"]
                if kind in {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))}:
                    found.append((method.upper(), path, parameter["in"], parameter["name"]))
    return found


@pytest.fixture
def admin(graph: Graph, factory: UserFactory) -> dict[str, str]:
    return bearer(factory.issue(factory.add(role="admin"), "token", frozenset(Scope)))


@pytest.mark.parametrize(("kind", "texts"), [("integer", NO_INTEGERS), ("number", NO_NUMBERS)])
async def test_numbers_are_written_in_one_way(
    graph: Graph, admin: dict[str, str], kind: str, texts: tuple[str, ...]
) -> None:
    accepted = {}
    parameters = [each for each in operations(graph, kind) if each[2] != "header"]
    assert parameters
    for method, path, place, name in parameters:
        for text in texts:
            url = path.replace(f"{{{name}}}", text.replace("\n", "%0A")) if place == "path" else path
            url = re.sub(r"{(\w+)}", lambda found: LITE0 if found[1] == "name" else "1", url)
            query = {name: text} if place == "query" else {}
            content = picture() if path.endswith("/classifications") and method == "POST" else b"{}"
            response = await graph.client.request(method, url, params=query, content=content, headers=admin)
            if response.status_code not in {404, 422}:
                accepted[method, path, name, text[:20]] = response.status_code
    assert accepted == {}


@pytest.mark.parametrize("text", [*(text for text in NO_NUMBERS if text.strip() == text), "-5", "0", "31", "1" * 30])
async def test_a_timeout_is_a_decimal_number(graph: Graph, text: str) -> None:
    headers = [(b"X-Request-Timeout", text.encode()), (b"Content-Type", b"image/png")]
    response = await graph.client.post("/api/v1/classifications", content=picture(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameter")


@pytest.mark.parametrize("name", HEADERS)
async def test_no_header_causes_a_500(graph: Graph, name: str) -> None:
    requests = [
        *(
            ("GET", path)
            for path in ("/", "/report", "/api/docs/assets/swagger-ui.css", "/auth/users/me/", "/oauth/authorize")
        ),
        *(
            ("POST", path)
            for path in ("/api/v1/classifications", "/classify-image", "/oauth/token", "/auth/token/login/")
        ),
        *(("POST", path) for path in ("/api/v1/session", "/oauth/sign-in")),
    ]
    failed = {}
    for value in VALUES:
        for method, path in requests:
            response = await graph.client.request(method, path, headers=[(name.encode(), value)], content=b"{}")
            if response.status_code >= 500:
                failed[value, method, path] = response.status_code
    assert failed == {}


async def test_redirect_uris_with_digits_of_other_scripts_do_not_match(graph: Graph) -> None:
    """They are neither registered nor the port of a loopback address."""
    for port in ("\uff18\uff10", "\u0668\u0660", "99999", "0"):
        query = {
            "response_type": "code",
            "client_id": "raylens-cli",
            "redirect_uri": f"http://127.0.0.1:{port}/callback",
        }
        response = await graph.client.get("/oauth/authorize", params=query)
        assert response.status_code == 400
