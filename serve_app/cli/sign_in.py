"""The authorization code flow of `raylens login`: a browser, a loopback redirect and PKCE (RFC 8252)."""

import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from serve_app.cli.address import Address
from serve_app.cli.authorization_client import AuthorizationClient, random_token
from serve_app.cli.callback_server import CallbackServer, InvalidCallback
from serve_app.cli.credential import StoredCredential
from serve_app.cli.credential_store import LocalCredentialStore
from serve_app.cli.device_key import DeviceKey
from serve_app.cli.errors import CommandError, UsageError

_TIMEOUT_S: Final = 300.0

PrintLine = Callable[[str], None]
"""Shows the user a line."""


def sign_in(address: Address, scopes: Sequence[str], *, browser: bool, print_line: PrintLine) -> StoredCredential:
    """Let the user sign in at the server; the credential has no username yet. Raises CommandError.

    Without a ``browser``, the redirect address can also be pasted on standard input.
    """
    if not address.is_confidential:
        raise UsageError(
            f"{address} is plain http, so the password could be read on the network. Sign in over https, or store an "
            "API key with --with-token --insecure in a network that you trust."
        )
    client = AuthorizationClient.discover(address)
    device = DeviceKey.of(address, LocalCredentialStore())
    state, verifier = random_token(), random_token()
    with CallbackServer(state=state, issuer=client.endpoints.issuer) as server:
        url = client.authorization_url(server.redirect_uri, scopes, state=state, verifier=verifier, device=device)
        code = _wait_for_code(server, url, browser=browser and has_browser(), print_line=print_line)
    tokens, oauth_sign_in = client.exchange(code=code, redirect_uri=server.redirect_uri, verifier=verifier)
    granted = tuple(sorted(tokens.scope.split() or scopes))
    return StoredCredential(
        server=address.url, token=tokens.access_token, username="", scopes=granted, sign_in=oauth_sign_in
    )


def has_browser() -> bool:
    """Whether a browser window can open here. Text browsers do not count: they cannot run the web app."""
    windows = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not any(map(os.environ.get, windows)):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _wait_for_code(server: CallbackServer, url: str, *, browser: bool, print_line: PrintLine) -> str:
    if browser:
        print_line(f"Sign in in your browser. If it does not open, go to:\n{url}")
        thread = threading.Thread(target=webbrowser.open, args=(url,), daemon=True)
    else:
        print_line(f"Sign in with a browser at:\n{url}")
        print_line("If the browser ends at an address that does not load, paste that address here:")
        thread = threading.Thread(target=_read_pasted_addresses, args=(server, print_line), daemon=True)
    thread.start()  # a daemon: some browsers return only when they are closed, and standard input may never end
    try:
        return server.wait_for_code(_TIMEOUT_S)
    except TimeoutError:
        raise CommandError(
            f"The sign-in was not completed within {_TIMEOUT_S / 60:.0f} minutes; run `raylens login` again."
        ) from None


def _read_pasted_addresses(server: CallbackServer, print_line: PrintLine) -> None:
    for line in _stdin_lines():
        try:
            response = server.parse(line)
        except InvalidCallback as error:
            print_line(f"{error} Paste the complete address, starting with http://:")
            continue
        if server.claim():
            server.accept(response)


def _stdin_lines() -> Iterator[str]:
    pending = b""
    try:
        # Not through Python's buffer: a thread that holds its lock makes the interpreter's exit fail.
        while data := os.read(sys.stdin.fileno(), 65_536):
            *lines, pending = (pending + data).split(b"\n")
            yield from (text for line in lines if (text := line.decode(errors="replace").strip()))
    except (OSError, ValueError):  # no standard input
        return
    if text := pending.decode(errors="replace").strip():
        yield text
