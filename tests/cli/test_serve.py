"""Why `raylens serve` does not start: one line each, before Ray starts."""

import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from rich.console import Console

from serve_app.cli import serve
from serve_app.cli.main import main
from serve_app.cluster import run_folder, service_cluster
from serve_app.settings import settings
from tests.models.custom.saved import COLOURS, write_colour_model
from tests.servers.process import free_port

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def start_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with a data folder of its own. Ray must not be started."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    environment = dict(os.environ)
    folder = tmp_path / "start"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("RAYLENS_PORT", str(free_port()))
    monkeypatch.setattr(service_cluster, "RunFolder", lambda: pytest.fail("the cluster was started"))
    monkeypatch.setattr(run_folder, "_parents", list)
    settings.cache_clear()
    yield folder
    for number, handler in handlers.items():
        signal.signal(number, handler)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Starts the service and returns the exit status and the only line of its output."""

    def run(*arguments: str, **environment: str) -> tuple[int | str | None, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["raylens", *(arguments or ("serve",))])
        settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        assert output.out == ""
        # The limit of open files under which the tests run may be so low that it is mentioned.
        (line,) = (line for line in output.err.splitlines() if not line.startswith("The limit of "))
        return ended.value.code, line

    return run


def test_an_address_of_another_machine(refusal):
    code, line = refusal(RAYLENS_HOST="203.0.113.7")
    assert code == 2
    assert "203.0.113.7 is not an address of this machine" in line


def test_ports_in_use(refusal):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port} of 127.0.0.1 is in use" in refusal("serve", "--port", port)[1]
        code, line = refusal(RAYLENS_PORT=str(free_port()), RAYLENS_METRICS_PORT=port)
        assert (code, "RAYLENS_METRICS_PORT: port" in line) == (1, True)
        code, line = refusal(RAYLENS_METRICS_PORT="0", RAY_SERVE_HAPROXY_METRICS_PORT=port)
        assert (code, "RAY_SERVE_HAPROXY_METRICS_PORT: port" in line) == (1, True)
    assert "is not a port" in refusal(RAY_SERVE_HAPROXY_METRICS_PORT="nine")[1]


def test_a_working_folder_that_was_deleted(refusal, start_folder):
    start_folder.rmdir()
    assert "the working folder has been deleted" in refusal()[1]


def test_a_missing_haproxy(refusal):
    code, line = refusal(RAY_SERVE_HAPROXY_BINARY_PATH="/nowhere/haproxy")
    assert (code, "HAProxy is missing: there is no /nowhere/haproxy" in line) == (1, True)


def test_a_cluster_that_does_not_exist(refusal):
    code, line = refusal(RAY_ADDRESS=f"127.0.0.1:{free_port()}")
    assert (code, "no Ray cluster responds" in line) == (1, True)
    assert "is not an address" in refusal(RAY_ADDRESS="ray://127.0.0.1")[1]
    assert "responds at [::1]:99999" in refusal(RAY_ADDRESS="[::1]:99999")[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "is not YAML"),
        (b"a: \xff", "is not YAML"),
        (b"\xff\xfea\x00", "dictionary"),
        (b"[" * 1000, "is not YAML"),
        (b"", "dictionary"),
        (b"applications: [{deployments: [{name: A, autoscaling_config: 4}]}]", "deployments.0.autoscaling_config"),
        (b"applications: [{deployments: [{name: A, autoscaling_config: {}}]}]", "max_replicas"),
        (b"applications: [{deployments: [{name: A, ray_actor_options: {num_cpus: x}}]}]", "num_cpus"),
        (b"applications: [{}]\nhttp_options: 3", "http_options"),
    ],
)
def test_a_broken_configuration(refusal, start_folder, content, message):
    (start_folder / "bad.yaml").write_bytes(content)
    code, line = refusal("serve", "--config", "bad.yaml")
    assert (code, message in line) == (2, True), line
    assert "_Document" not in line


def test_a_configuration_that_cannot_be_read(refusal):
    assert "Is a directory" in refusal("serve", "--config", ".")[1]
    assert "No such file" in refusal("serve", "--config", "none.yaml")[1]


@pytest.mark.parametrize(
    "command",
    [("serve",), ("status",), ("models", "list"), ("db", "status"), ("users", "list"), ("whoami",)],
    ids=" ".join,
)
def test_every_command_explains_a_broken_env_file(refusal, start_folder, command):
    (start_folder / ".env").write_bytes(b"RAYLENS_PORT=80\xff\n")
    code, line = refusal(*command)
    assert (code, ".env is not UTF-8" in line) == (2, True)


@pytest.mark.parametrize("wrong", ["RAYLENS_ANONYMOUS: false", "RAYLENS_PORT 9000", 'RAYLENS_HOST="127.0.0.1'])
def test_a_wrong_line_of_an_env_file_is_not_skipped(refusal, start_folder, wrong):
    (start_folder / ".env").write_text(f"# mine\nexport A='b'\nB\n{wrong}\nRAYLENS_LOG_FORMAT=json\n")
    code, line = refusal("models", "list")
    assert (code, ".env: line 4 is not NAME=value" in line) == (2, True)


def test_an_env_file_of_windows(refusal, start_folder):
    """Its byte order mark does not hide the first setting."""
    (start_folder / ".env").write_bytes(b"\xef\xbb\xbfRAYLENS_LOG_FORMAT=xml\r\n")
    assert "RAYLENS_LOG_FORMAT" in refusal()[1]


def test_a_folder_named_env_is_not_the_settings(refusal, start_folder):
    """It is often a virtual environment."""
    (start_folder / ".env").mkdir()
    assert "203.0.113.7" in refusal(RAYLENS_HOST="203.0.113.7")[1]


def test_models_with_equal_names(refusal, tmp_path):
    files = [
        write_colour_model(tmp_path / folder / name, activation="softmax", labels=COLOURS)
        for folder, name in (("a", "Größe 1.keras"), ("b", "größe-1.KERAS"), ("c", "MobileNet.keras"))
    ]
    code, line = refusal(RAYLENS_MODELS=f"{files[0]}, {files[1]}")
    assert code == 1
    assert "would both be named größe-1; rename one, or write `name: …` to " in line
    code, line = refusal(RAYLENS_MODELS=str(files[2]))
    assert "and a model of Raylens would both be named mobilenet" in line


def test_model_files_that_cannot_be_served(refusal, tmp_path):
    assert refusal(RAYLENS_MODELS="nothing.keras")[1].endswith(f"There is no model file {Path.cwd()}/nothing.keras.")
    assert "is a folder" in refusal(RAYLENS_MODELS=str(tmp_path))[1]
    model = write_colour_model(tmp_path / "mine.keras", activation="softmax", labels=[*COLOURS, "pink"])
    assert "has 3 outputs, its labels file" in refusal(RAYLENS_MODELS=str(model))[1]
    (tmp_path / "model.yaml").write_text("input-range: 0..1")
    assert "did you mean input_range?" in refusal(RAYLENS_MODELS=str(model))[1]


@pytest.mark.parametrize(
    ("proxied", "environment", "said"),
    [
        (True, {}, []),
        (False, {}, ["without HAProxy"]),
        (True, {"RAY_AUTH_MODE": "disabled"}, ["every user of this machine can run code as you"]),
        (True, {"RAY_ADDRESS": "10.0.0.1:6379"}, ["Ray's ports in the cluster of RAY_ADDRESS"]),
    ],
)
def test_what_is_not_protected_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proxied, environment, said
):
    """When the service is ready, with the addresses."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(serve, "ServiceCluster", MagicMock())
    monkeypatch.setattr(serve, "_print_addresses", lambda *_: None)
    console = Console(stderr=True, width=1000, highlight=False)
    terminal = serve._Terminal(console, console.status(""), MagicMock(), as_json=True)
    options = MagicMock(haproxy="haproxy" if proxied else "")
    document: dict[str, Any] = {"http_options": {}, "applications": [{"deployments": []}]}
    serve._run(document, options, settings(), terminal)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning: ")]
    assert len(lines) == len(said)
    assert all(part in line for line, part in zip(lines, said, strict=True)), lines
