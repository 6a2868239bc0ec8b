"""Digits in what Raylens parses are those of ASCII.

Classes like ``\\d``, ``isdigit`` and ``isdecimal`` accept characters of all scripts.
``int`` takes some, URLs take none.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.source_files import FILES, name_of

LETTERS_OF_ALL_SCRIPTS = {
    "auth/users/usernames.py": "names of users",
    "auth/passwords/hashing.py": "words of passwords",
    "kuberay/helm_errors.py": "messages of Helm",
}
"""Files whose patterns mean letters of all scripts, and why."""
OTHERWISE_SAFE = {
    "auth/users/scripts.py": "compares digits of all scripts",
    "serve_app/fetch/urls.py": "the text was decoded as ASCII",
    "serve_app/fetch/fetcher.py": "bytes",
    "serve_app/ingress/body_stream.py": "bytes",
    "serve_app/ingress/request_bodies.py": "bytes",
    "serve_app/cluster/run_folder.py": "names in /proc",
}
"""Files in which something else ensures ASCII, or other scripts are meant."""
FUNCTIONS = {"compile", "fullmatch", "match", "search", "sub", "split", "findall", "finditer"}
CLASSES = re.compile(r"(?<!\\)(?:\\\\)*\\[dDwWsSbB]")


def wrong_patterns(tree: ast.AST) -> Iterator[int]:
    """Lines with patterns of text that contain a class of characters of all scripts."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FUNCTIONS):
            continue
        texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        flags = [ast.unparse(argument) for argument in [*node.args, *(keyword.value for keyword in node.keywords)]]
        is_text = ast.unparse(node.func.value) == "re" and bool(texts) and isinstance(texts[0], str)
        if is_text and CLASSES.search(str(texts[0])) and not any("ASCII" in flag for flag in flags):
            yield node.lineno


def wrong_checks(tree: ast.AST) -> Iterator[int]:
    """Lines with checks for digits that are not combined with ``isascii`` of the same text."""
    combined = {
        ast.unparse(value)
        for node in ast.walk(tree)
        if isinstance(node, ast.BoolOp)
        for value in node.values
        if ast.unparse(value).endswith(".isdecimal()")
        and ast.unparse(value).replace(".isdecimal()", ".isascii()") in map(ast.unparse, node.values)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_digit = node.func.attr in {"isdigit", "isnumeric"}
            if is_digit or (node.func.attr == "isdecimal" and ast.unparse(node) not in combined):
                yield node.lineno


def test_only_ascii_digits_are_parsed() -> None:
    wrong = {}
    for path in FILES:
        tree, name = ast.parse(path.read_text()), name_of(path)
        patterns = [] if name in LETTERS_OF_ALL_SCRIPTS else list(wrong_patterns(tree))
        checks = [] if name in OTHERWISE_SAFE else list(wrong_checks(tree))
        if (patterns or checks) and not name.startswith("benchmarks/"):
            wrong[name] = patterns + checks
    assert wrong == {}, "write [0-9], or flags=re.ASCII, and text.isascii() and text.isdecimal()"


@pytest.mark.parametrize(
    ("source", "is_wrong"),
    [
        (r're.compile(r"\d+")', True),
        (r're.fullmatch(r"a\w", text, re.IGNORECASE)', True),
        (r're.compile(r"\d+", re.ASCII)', False),
        (r're.sub(r"\s", "", text, flags=re.ASCII)', False),
        (r're.compile(rb"\d+")', False),
        (r're.compile(r"[0-9]\\d")', False),
        ("text.isdigit()", True),
        ("text.isdecimal()", True),
        ("text.isdecimal() and len(text) < 5", True),
        ("text.isascii() and text.isdecimal()", False),
        ("other.isascii() and text.isdecimal()", True),
    ],
)
def test_the_rule_finds_what_it_should(source: str, is_wrong: bool) -> None:
    tree = ast.parse(source)
    assert bool([*wrong_patterns(tree), *wrong_checks(tree)]) == is_wrong
