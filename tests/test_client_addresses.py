"""The address of a client is read in one place: whoever reads it elsewhere believes what the client has written.

That is ``serve_app.ingress.clients``; HAProxy appends the header that is read there.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.source_files import FILES, name_of

ALLOWED = {
    "serve_app/ingress/clients.py",
    "serve_app/cluster/connection_limits.py",  # a rule of HAProxy
    "serve_app/ingress/body_stream.py",  # in Ray's own proxy, which has no settings
}
HEADERS = {"forwarded", "x-forwarded-for", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"}


def wrong_reads(tree: ast.AST) -> Iterator[int]:
    """Lines that read the peer of a request (``request.client.host``, ``scope["client"]``) or name such a header."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Attribute(attr="client"), attr="host"):
                yield node.lineno
            case ast.Subscript(value=scope, slice=ast.Constant("client")) if _is_scope(scope):
                yield node.lineno
            case ast.Call(func=ast.Attribute(value=scope, attr="get"), args=[ast.Constant("client"), *_]):
                if _is_scope(scope):
                    yield node.lineno
            case ast.Constant(str() | bytes() as name) if _text(name).lower() in HEADERS:
                yield node.lineno


def _text(name: str | bytes) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name


def _is_scope(node: ast.expr) -> bool:
    return ast.unparse(node).endswith("scope")


def test_addresses_are_read_in_one_place() -> None:
    found = {name_of(path): list(wrong_reads(ast.parse(path.read_text()))) for path in FILES}
    assert {name for name, lines in found.items() if lines and not name.startswith("benchmarks/")} <= ALLOWED
    assert found["serve_app/ingress/clients.py"]


@pytest.mark.parametrize(
    ("source", "is_wrong"),
    [
        ("request.client.host", True),
        ('scope["client"][0]', True),
        ('request.scope.get("client")', True),
        ('headers["X-Forwarded-For"]', True),
        ('name == b"x-real-ip"', True),
        ("clients.of(request.scope).address", False),
        ('form["client"]', False),
        ("url.host", False),
    ],
)
def test_the_rule_finds_what_it_should(source: str, is_wrong: bool) -> None:
    assert bool(list(wrong_reads(ast.parse(source)))) == is_wrong
