"""The image, built to the end of its Dockerfile and run: as Docker would, and as KubeRay does.

Long, so `make image-check` runs it and nothing else does.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.image.build import ROOT, build, buildah
from tests.image.container import Container
from tests.kuberay.chart import DEV, Helm, Manifest, environment, one, pods
from tests.servers.process import require

pytestmark = pytest.mark.image

ESPRESSO = "/app/frontend/dist/examples/espresso.jpg"
CLASSIFY = ("wget", "-q", "-O", "-", "--post-file", ESPRESSO, "http://127.0.0.1:8000/api/v1/classifications?top_k=1")


@pytest.fixture(scope="module")
def built() -> str:
    require("buildah", "buildah")
    return build()


@pytest.fixture
def container(built: str) -> Iterator[Container]:
    """With a writable data folder, like a Docker volume, which starts as a copy of the image's folder."""
    with Container("docker", {"/var/lib/raylens/data": "mode=1777"}) as running:
        yield running


@pytest.fixture
def pod(built: str) -> Iterator[Container]:
    """With the mounts of the chart."""
    with Container("pod", {"/tmp/ray": "mode=1777,size=2g", "/var/lib/raylens/spool": "mode=1777"}) as running:
        yield running


def test_every_instruction_was_executed(built: str) -> None:
    instructions = re.findall(r"^(?!ARG|#)[A-Z]+ ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    run = re.findall(r"^(?:\[\d/\d\] )?STEP \d+/\d+: (?!ARG)[A-Z]+ ", built, re.MULTILINE)
    assert len(run) == len(instructions)


def test_the_image_has_its_runtime_configuration(built: str) -> None:
    config: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", "raylens-check"))["Docker"]["config"]
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["raylens", "serve"]
    assert "8000/tcp" in config["ExposedPorts"]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert not [name for name in config["Env"] if re.search("SECRET|PASSWORD|TOKEN|DATABASE", name)]


def classified(container: Container) -> str:
    label: str = json.loads(container.run(*CLASSIFY))["predictions"][0]["label"]
    return label


def test_it_serves_on_a_read_only_root_without_a_network(container: Container) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        container.run("touch", "/app/anything")
    assert container.run("id", "--user").strip() == "10001"
    assert "CapEff:\t0000000000000000" in container.run("cat", "/proc/self/status")
    # Fill the volume from the image, like Docker.
    container.run("cp", "-r", "/var/lib/raylens/artifacts", "/var/lib/raylens/data/")
    where = {"RAYLENS_DATA_DIR": "/var/lib/raylens/data", "HOME": "/tmp"}
    service = container.start(*container.config["Cmd"], **where)
    container.wait_until(*container.config["Healthcheck"]["Test"][1:])
    assert classified(container) == "espresso"
    assert "<title>" in container.run("wget", "-q", "-O", "-", "http://127.0.0.1:8000/")
    assert container.terminate(service, 60) == 0, container.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return Helm(4, tmp_path_factory.mktemp("helm")).template(DEV)


def start_command(group: dict[str, Any]) -> str:
    """The command that KubeRay builds from rayStartParams. One node is head and worker, so it has the worker's CPUs."""
    given = {**group["rayStartParams"], "num-cpus": "4", "dashboard-host": "0.0.0.0", "metrics-export-port": "8080"}
    options = " ".join(f"--{name}={value}" for name, value in {**given, "dashboard-agent-listen-port": "52365"}.items())
    return f"ray start --head --block {options}"


def test_it_serves_in_a_pod_of_kuberay(pod: Container, trial: list[Manifest]) -> None:
    """With KubeRay's command, probe and token, and the chart's environment, mounts and Serve configuration."""
    service = one(trial, "RayService")["spec"]
    variables = {name: text for name, text in environment(pods(trial)["workers"]).items() if isinstance(text, str)}
    variables |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789" * 4}
    # Replaces the Secret, because there is no MySQL here.
    variables |= {"RAYLENS_DATABASE_URL": "sqlite:////tmp/raylens.db", "RAYLENS_SECRET_KEY": "0123456789" * 4}
    command = start_command(service["rayClusterConfig"]["headGroupSpec"])
    node = pod.start("/bin/bash", "-c", "--", command, **variables)
    answers = "wget --tries 1 -T 2 -q -O- http://localhost:{} | grep success"
    pod.wait_until("bash", "-c", answers.format("52365/api/local_raylet_healthz"), **variables)
    pod.run("ray", "health-check", "--address", "127.0.0.1:6379", **variables)  # KubeRay's init container
    document = json.dumps(yaml.safe_load(service["serveConfigV2"]))
    pod.run("bash", "-c", f"cat > /tmp/serve.yaml <<'END'\n{document}\nEND\nserve deploy /tmp/serve.yaml", **variables)
    both = f"{answers.format('52365/api/local_raylet_healthz')} && {answers.format('8000/-/healthz')}"
    pod.wait_until("bash", "-c", both, **variables)
    pod.wait_until("wget", "-q", "-O", "-", "http://127.0.0.1:8000/api/health/ready")
    assert classified(pod) == "espresso"
    state = yaml.safe_load(pod.run("serve", "status", **variables))["applications"]["raylens"]
    assert state["status"] == "RUNNING"
    assert {deployment["status"] for deployment in state["deployments"].values()} == {"HEALTHY"}
    for port, metric in ((8080, "raylens_request_ms"), (9101, "haproxy_process")):
        pod.wait_until("bash", "-c", f"wget -q -O - http://127.0.0.1:{port}/metrics | grep -q {metric}")
    assert '"event": "model_ready"' in pod.log.read_text(), "what replicas log is what the container says"
    ports = pod.run("bash", "-c", "cat $(find /tmp/haproxy-serve -name haproxy.cfg)")
    assert re.search(r"server \S+ \S+:30[0-9]{3}\b", ports), "replicas keep to the ports of the network policy"
    pod.terminate(node, 90)
