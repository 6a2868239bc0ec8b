"""Reads a new password from a prompt or standard input, never from an argument, which other users could see."""

import sys

import typer

from serve_app.cli.errors import UsageError

_MAX_LINE_LENGTH = 4096


def read_password(*, from_stdin: bool) -> str:
    """Ask twice without echo, or read one line. Raises UsageError without a terminal or a line."""
    if from_stdin:
        return _line()
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for the password; use --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt="Repeat password", err=True))


def _line() -> str:
    try:
        password = sys.stdin.readline(_MAX_LINE_LENGTH).rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError("The password on standard input is not UTF-8.") from None
    if not password:
        raise UsageError("Standard input contains no password.")
    return password
