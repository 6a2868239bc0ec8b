"""The configuration that the installed version of Ray writes, as Raylens edits it."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cluster.haproxy import FORWARDED_FOR, find_haproxy, haproxy_flags, start_failure
from serve_app.cluster.haproxy_config import BUFFER_BYTES, PER_ADDRESS, HAProxyOptions, UnknownConfiguration, edited
from serve_app.cluster.run_folder import RunFolder
from serve_app.proxy_token import proxy_token
from tests.cluster.haproxy_server import write_ray_configuration

PORT, STATISTICS, METRICS, REPLICA = 8000, 8404, 9101, 30000


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """HAProxy cannot use long paths, nor those with spaces."""
    folder = RunFolder()
    yield folder.path
    folder.close()


@pytest.fixture(scope="module")
def written(folder: Path) -> str:
    return write_ray_configuration(folder, PORT, STATISTICS, METRICS, REPLICA, maxconn=1000).read_text()


def edit(text: str, options: HAProxyOptions, available: int = 100_000) -> str:
    return edited(text, options, available)


def lines_of(text: str, section: str) -> list[str]:
    (body,) = re.findall(rf"^{section}\n((?:[ \n].*\n?)*)", text, re.MULTILINE)
    return [line.strip() for line in body.splitlines()]


def binds(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line.strip().startswith("bind ")]


def test_only_the_service_is_reachable_from_other_machines(written: str) -> None:
    assert binds(edit(written, HAProxyOptions(binds=("0.0.0.0:8000",), private_metrics=True))) == [
        "127.0.0.1:9101",
        "0.0.0.0:8000",
        "127.0.0.1:8404",
    ]


def test_metrics_for_other_machines(written: str) -> None:
    """Of HAProxy, because its port was configured; of Ray, through HAProxy."""
    text = edit(written, HAProxyOptions(ray_metrics=(8080, 20_005)))
    assert binds(text) == [":9101", "127.0.0.1:8000", "127.0.0.1:8404", ":8080"]
    assert "server ray 127.0.0.1:20005" in lines_of(text, "listen ray_metrics")


def test_nothing_is_lost_by_editing(written: str) -> None:
    """Each line of Ray that is not kept is named here."""
    kept = {line.strip() for line in edit(written, HAProxyOptions()).splitlines()}
    lost = [line.strip() for line in written.splitlines() if line.strip() not in kept]
    assert [re.sub(r" /\S+", " PATH", line) for line in lost] == [
        "log 127.0.0.1:514 local0 info",
        "stats socket PATH mode 666 level admin expose-fd listeners",
        "timeout client 3600s",
        *(f"errorfile {status} PATH" for status in (502, 503, 504)),
        "bind *:8404",
    ]


def test_other_connections_than_those_of_clients_are_reserved(written: str) -> None:
    text = edit(written, HAProxyOptions())
    assert "maxconn 1128" in lines_of(text, "global")
    assert "maxconn 1000" in lines_of(text, "frontend http_frontend")
    assert {"maxconn 64"} <= {*lines_of(text, "frontend prometheus")}
    assert {"maxconn 32"} <= {*lines_of(text, "listen stats")}


def test_no_more_connections_than_there_are_files_for(written: str) -> None:
    """HAProxy would not start. Pods have different limits."""
    text = edit(written, HAProxyOptions(), available=300)
    assert "maxconn 428" in lines_of(text, "global")
    assert "maxconn 300" in lines_of(text, "frontend http_frontend")


def test_the_memory_of_unfinished_requests_is_limited(written: str) -> None:
    lines = lines_of(edit(written, HAProxyOptions()), "global")
    values = {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith("tune.buf")}
    assert values["tune.bufsize"] * values["tune.buffers.limit"] == BUFFER_BYTES


def test_an_edited_configuration_stays_as_it_is(written: str) -> None:
    once = edit(written, HAProxyOptions(ray_metrics=(8080, 20_005)))
    assert edit(once, HAProxyOptions(ray_metrics=(8080, 20_005))) == once


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("frontend http_frontend", "no section “frontend http_frontend”"),
        ("listen stats", "no section “listen stats”"),
        ("defaults", "no section “defaults”"),
        (" mode 666", "another mode of its socket"),
        ("    maxconn 1000", "0 lines “maxconn …” in “global”"),
        ("    bind 127.0.0.1:8000", "0 lines “bind …” in “frontend http_frontend”"),
        ("    bind :9101", "0 lines “bind : …” in “frontend prometheus”"),
        ("  bind *:8404", "0 lines “bind *: …” in “listen stats”"),
    ],
)
def test_another_configuration_than_expected_is_an_error(written: str, missing: str, message: str) -> None:
    assert missing in written
    with pytest.raises(UnknownConfiguration, match=re.escape(message)):
        edit(written.replace(missing, "#"), HAProxyOptions())


def test_the_options_travel_in_a_variable() -> None:
    options = HAProxyOptions(binds=("[::]:8000 v6only",), ray_metrics=(1, 2), hops=2, per_address=5, token="a")
    assert HAProxyOptions.from_environment(haproxy_flags("haproxy", options)) == options


def test_in_a_pod_the_options_are_its_settings() -> None:
    assert HAProxyOptions.from_environment({}) == HAProxyOptions(per_address=PER_ADDRESS)
    settings = {"RAYLENS_FORWARDED_HOPS": "2", "RAYLENS_CONNECTIONS_PER_ADDRESS": "7"}
    assert HAProxyOptions.from_environment(settings) == HAProxyOptions(hops=2, per_address=7)
    keys = {"RAYLENS_SECRET_KEY": f"{'n' * 32},{'o' * 32}"}
    assert HAProxyOptions.from_environment(keys).token == proxy_token(b"n" * 32)


def run(folder: Path, text: str, options: HAProxyOptions) -> subprocess.CompletedProcess[str]:
    configuration = folder / "haproxy.cfg"
    configuration.write_text(text)
    flags = haproxy_flags(find_haproxy({}), options)
    command = [flags["RAY_SERVE_HAPROXY_BINARY_PATH"], "-c", "-f", str(configuration)]
    return subprocess.run(command, env=os.environ | flags, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "options",
    [
        HAProxyOptions(binds=("0.0.0.0:8000", "[::]:8000 v6only"), ray_metrics=(8080, 20_005), private_metrics=True),
        HAProxyOptions(hops=3, token="a"),
        HAProxyOptions(hops=16),
        HAProxyOptions(per_address=0, exempt=()),
    ],
)
def test_haproxy_accepts_the_configuration(folder: Path, written: str, options: HAProxyOptions) -> None:
    done = run(folder, written, options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "will still be processed before" not in done.stderr, "the order is that of the file"
    text = (folder / "haproxy.cfg").read_text()
    assert "option forwardfor" in lines_of(text, "frontend http_frontend"), "the replicas count it as a proxy"
    assert haproxy_flags("haproxy", options)[FORWARDED_FOR] == "1"


def test_a_configuration_that_cannot_be_edited_does_not_run(tmp_path: Path) -> None:
    done = run(tmp_path, "global\ndefaults\n", HAProxyOptions())
    assert done.returncode == 1
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "s.1.1.stderr.log").write_text(done.stderr)
    assert start_failure(tmp_path) == (
        "Ray's configuration of HAProxy has no section “frontend prometheus”; is this version of Ray supported?"
    )


def test_the_responses_of_haproxy_are_problems(written: str) -> None:
    text = edit(written, HAProxyOptions())
    documents = re.findall(
        r"status (\d+) content-type application/problem\+json .*lf-string \"(.*)\"(?: if|$)", text, re.MULTILINE
    )
    assert {status for status, _ in documents} == {"400", "408", "429", "500", "502", "503", "504"}
    for status, document in documents:
        assert json.loads(document.replace('\\"', '"'))["status"] == int(status)


def test_in_a_pod_the_script_finds_haproxy_and_not_itself(folder: Path, written: str) -> None:
    """There, nothing but Ray's variable names the script, and the package looks there first."""
    configuration = folder / "haproxy.cfg"
    configuration.write_text(written)
    flags = haproxy_flags("", HAProxyOptions())
    pod = {name: flags[name] for name in ("RAY_SERVE_HAPROXY_BINARY_PATH", "RAYLENS_PYTHON")}
    command = [pod["RAY_SERVE_HAPROXY_BINARY_PATH"], "-c", "-f", str(configuration)]
    done = subprocess.run(command, env=os.environ | pod, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Configuration file is valid" in done.stdout + done.stderr
