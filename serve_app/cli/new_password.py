"""A password for a new user: typed twice without being shown, or piped in. Never an argument, which others can see."""

import sys

import typer

from serve_app.cli.failure import WrongUsage

LONGEST_LINE = 4096


def read_password(*, from_stdin: bool) -> str:
    """Raises WrongUsage where there is neither a terminal nor a line."""
    if from_stdin:
        return _line()
    if not sys.stdin.isatty():
        raise WrongUsage("There is no terminal to ask for a password; pipe one in with --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True))


def _line() -> str:
    try:
        password = sys.stdin.readline(LONGEST_LINE).rstrip("\r\n")
    except UnicodeDecodeError:
        raise WrongUsage("The password on standard input is not UTF-8.") from None
    if not password:
        raise WrongUsage("There is no password on standard input.")
    return password
