"""What a running service exposes to the network and to other users of the machine."""

import asyncio
import contextlib
import os
import re
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from serve_app.cluster.auth_token import token_path
from tests.chaos.attacks.connections import (
    AttackCounts,
    Target,
    idle_connections,
    slow_readers,
    unfinished_headers,
)
from tests.e2e.accounts import credentials, register_account
from tests.e2e.images import CAT, JPEG, URL
from tests.service import Service
from tests.source_files import ROOT

pytestmark = pytest.mark.e2e

LOOPBACK = "127.0.0.1"


def documented() -> list[tuple[str, int]]:
    """Each process of the table and the number of its ports in a row, without what is off by default."""
    table = (ROOT / "docs" / "security.md").read_text().partition("## Listening ports")[2].partition("## Files")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:3] == "| `"]
    return [
        (process, _count(port))
        for processes, port, *_ in rows
        for process in re.findall(r"`([^`]+)`", processes)
        if "(none)" not in port
    ]


def _count(port: str) -> int:
    always = port.partition(";")[0]
    return (2 if "two" in always else 1) + len(re.findall(r"and \d+", always))


def listening(service: Service) -> dict[str, list[tuple[str, int]]]:
    """The addresses of each process that listens, by its name and id."""
    found: dict[str, list[tuple[str, int]]] = {}
    for process in service.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            sockets = [c.laddr for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
            for address in sockets:
                listener = (address.ip.removeprefix("::ffff:"), address.port)
                found.setdefault(f"{_name(process.cmdline())} {process.pid}", []).append(listener)
    return found


def _name(command: list[str]) -> str:
    """What the table calls a process: Ray's title, a module or script of Python, or the program."""
    program = Path(command[0]).name
    if not program.startswith("python"):
        return command[0].removeprefix("ray::") if command[0].startswith("ray::") else program
    return next(
        Path(argument).name.removeprefix("serve_app.cluster.")
        for argument in command[1:]
        if argument.endswith(".py") or argument.startswith("serve_app.")
    )


def test_everything_listens_on_the_loopback_interface(service: Service) -> None:
    addresses = {address for sockets in listening(service).values() for address, _ in sockets}
    assert addresses == {LOOPBACK}


def test_the_table_of_ports_is_complete(service: Service) -> None:
    rows = documented()
    assert len(rows) > 10
    found = listening(service)
    for name, sockets in found.items():
        expected = sum(count for process, count in rows if name.startswith(process))
        assert len(sockets) == expected, f"{name}: {sockets}"
    for process, _ in rows:
        assert any(name.startswith(process) for name in found), f"{process} does not listen"


def test_the_fixed_ports_are_those_of_the_table(service: Service) -> None:
    ports = {port for sockets in listening(service).values() for _, port in sockets}
    assert {52365, 44217, 44227} <= ports
    assert service.port in ports


def test_other_users_can_read_nothing(service: Service) -> None:
    run_folder = Path(service.addresses["logs"]).parents[2]
    assert run_folder.stat().st_mode & 0o077 == 0, "nobody else enters Ray's folders"
    assert (service.folder / "data").stat().st_mode & 0o007 == 0
    created = [Path(folder, name) for folder, _, names in os.walk(service.folder / "data") for name in names]
    assert len(created) >= 3
    assert [path for path in created if path.lstat().st_mode & 0o077] == []
    assert [path for path in Path("/dev/shm").iterdir() if _is_of(service, path) and path.stat().st_mode & 0o007] == []
    assert token_path(run_folder).stat().st_mode & 0o777 == 0o600


def _is_of(service: Service, path: Path) -> bool:
    """Whether a process of the service has mapped the file."""
    maps = [Path(f"/proc/{process.pid}/maps").read_text() for process in service.processes()]
    return any(str(path) in text for text in maps)


def test_no_secret_is_in_a_command_line(service: Service) -> None:
    run_folder = Path(service.addresses["logs"]).parents[2]
    secrets = [token_path(run_folder).read_text(), (service.folder / "data" / "secret.key").read_text()]
    for process in service.processes():
        command = " ".join(process.cmdline())
        assert not any(secret in command for secret in secrets), command.split()[0]


def test_rays_ports_require_the_token(service: Service) -> None:
    """The dashboard's agent can start jobs, that is, run code."""
    url = f"http://{LOOPBACK}:52365/api/job_agent/jobs/"
    body = {"entrypoint": "true"}
    assert httpx.post(url, json=body).status_code == 401
    assert httpx.post(url, json=body, headers={"Authorization": "Bearer wrong"}).status_code == 403


def test_clients_learn_nothing_about_the_server(service: Service) -> None:
    response = httpx.get(f"{service.url}/api/health/ready")
    assert "server" not in response.headers
    assert "connection" not in response.headers, "connections are kept"


def sign_in_address(port: int, name: str, source: str = LOOPBACK) -> str:
    """The address that the service has noted for a sign-in with a forged header."""
    forged = {"X-Forwarded-For": "203.0.113.7", "Host": "127.0.0.1"}
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", transport=transport, headers=forged, timeout=30) as client:
        token = client.post("/auth/token/login/", json=credentials(name)).json()["auth_token"]
        sessions = client.get("/api/v1/account/sessions", headers={"Authorization": f"Token {token}"}).json()["items"]
    (address,) = (session["address"] for session in sessions if session["current"])
    return str(address)


def test_the_address_of_a_client_cannot_be_forged(service: Service) -> None:
    """Neither through HAProxy nor past it, at the port of a replica."""
    name = register_account(service, "forger")
    assert sign_in_address(service.port, name, "127.0.0.9") == "127.0.0.9"
    (replica,) = service.replicas("Ingress")
    listening = [c.laddr.port for c in replica.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    port = next(port for port in listening if _speaks_http(port))
    assert sign_in_address(port, name) == LOOPBACK


def _speaks_http(port: int) -> bool:
    try:
        return httpx.get(f"http://{LOOPBACK}:{port}/api/health/live", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_thousands_of_connections_go_unnoticed(service: Service) -> None:
    """Unfinished headers at the ports for requests, metrics and statistics, idle connections, and slow readers."""
    with ThreadPoolExecutor(1) as thread:  # the tests in Chromium leave an event loop running in the main thread
        thread.submit(asyncio.run, _attack_with_connections(service)).result()


async def _attack_with_connections(service: Service) -> None:
    allowed = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 200, 4096)
    ports = {port for name, found in listening(service).items() if name.startswith("haproxy") for _, port in found}
    counts = [AttackCounts() for _ in range(5)]
    target = Target(LOOPBACK, service.port)
    attacks = [
        asyncio.create_task(unfinished_headers(target, allowed * 3 // 4, counts[0])),
        asyncio.create_task(idle_connections(target, allowed // 8, counts[1])),
        asyncio.create_task(slow_readers(target, allowed // 8, counts[2], path="/api/openapi.json")),
        *(
            asyncio.create_task(unfinished_headers(Target(LOOPBACK, port), 100, count))
            for port, count in zip(ports - {service.port}, counts[3:], strict=True)
        ),
    ]
    while sum(count.opened for count in counts) < allowed // 2:  # noqa: ASYNC110 - the attacks run until cancelled
        await asyncio.sleep(0.05)
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        for _ in range(3):
            response = await client.post(URL, content=CAT.read_bytes(), headers=JPEG)
            assert response.status_code == 201
    for attack in attacks:
        attack.cancel()
        await attack
    assert sum(count.most_open for count in counts[:3]) > allowed // 2, "so many were open at the same time"
