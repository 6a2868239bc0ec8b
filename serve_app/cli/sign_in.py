"""Signing in through the browser: an authorization code with PKCE, for a program on this machine (RFC 8252)."""

import asyncio
import base64
import contextlib
import hashlib
import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from typing import Final

from serve_app.cli.address import Address
from serve_app.cli.authorization_server import AuthorizationServer
from serve_app.cli.credential import Credential
from serve_app.cli.failure import Failure, WrongUsage
from serve_app.cli.receiver import NotTheAnswer, Receiver
from serve_app.cli.stdin import lines_of_stdin

PATIENCE_S: Final = 300.0

Tell = Callable[[str], None]
"""Shows the user a line."""


async def sign_in(address: Address, scopes: Sequence[str], *, browser: bool, tell: Tell) -> Credential:
    """Have the user sign in at the server; the credential has no username yet. Raises Failure.

    Without a ``browser`` here, the address the other browser ends at is read from standard input, too.
    """
    if not address.keeps_secrets:
        raise WrongUsage(
            f"{address} is plain http: anybody on the way could read along. Sign in over https, or store an API key "
            "with --with-token --insecure in a network where you trust everybody."
        )
    server = await AuthorizationServer.discover(address)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    async with Receiver(state=state, issuer=server.endpoints.issuer) as receiver:
        redirect_uri = receiver.redirect_uri
        url = server.authorization_url(
            redirect_uri=redirect_uri,
            scope=" ".join(scopes),
            state=state,
            code_challenge=challenge_of(verifier),
            code_challenge_method="S256",
        )
        code = await _code(receiver, url, browser=browser and has_browser(), tell=tell)
    tokens, begun = await server.exchange(code=code, redirect_uri=redirect_uri, verifier=verifier)
    granted = tuple(sorted(tokens.scope.split() or scopes))
    return Credential(server=address.url, token=tokens.access_token, username="", scopes=granted, sign_in=begun)


def challenge_of(verifier: str) -> str:
    """S256 (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def has_browser() -> bool:
    """Whether a window can open here. A browser of text in this terminal is none: it runs no web app."""
    windows = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not any(map(os.environ.get, windows)):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


async def _code(receiver: Receiver, url: str, *, browser: bool, tell: Tell) -> str:
    def take(line: str) -> None:
        try:
            receiver.take(line)
        except NotTheAnswer as error:
            tell(f"{error} Paste the whole address, from http:// to its end:")

    pasted: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if browser:
        tell(f"Sign in in your browser. If none opens, go to:\n{url}")
        # A thread that nobody waits for: some browsers return only when they are closed.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    else:
        tell(f"Sign in with a browser at:\n{url}")
        tell("If it ends at an address that does not load, as on another machine, paste that address here:")
        pasted = lines_of_stdin(take)
    try:
        with pasted:
            async with asyncio.timeout(PATIENCE_S):
                return await receiver.code()
    except TimeoutError:
        raise Failure(f"Nobody signed in within {PATIENCE_S / 60:.0f} minutes; run `raylens login` again.") from None
