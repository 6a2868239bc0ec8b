"""The kubectl commands of the documentation and of error messages, with real kubectl against the chart's objects."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from kuberay import kubectl_commands
from tests.kuberay.apiserver.terminal import Terminal
from tests.kuberay.chart import Manifest, one
from tests.kuberay.client.raylens import NAMESPACE, Raylens
from tests.kuberay.programs import ROOT

FOLLOW_WORKERS, MIGRATION, OPERATOR, SUSPEND = re.findall(
    r"^    (kubectl (?:logs|patch) .+)$", (ROOT / "docs" / "kubernetes.md").read_text(), re.MULTILINE
)


def test_messages_recommend_the_documented_commands() -> None:
    assert f"{kubectl_commands.WORKER_LOG} --follow" == FOLLOW_WORKERS
    assert kubectl_commands.MIGRATION_LOG == MIGRATION
    assert kubectl_commands.OPERATOR_LOG == OPERATOR
    assert kubectl_commands.resume_command("raylens") == SUSPEND.replace("true", "false")


def test_documented_commands(raylens: Raylens, rendered: Callable[[str], list[Manifest]], tmp_path: Path) -> None:
    terminal = Terminal(raylens.server, 4, tmp_path)
    put_pods(raylens, rendered("dev"))

    def output(command: str) -> str:
        ended = terminal.kubectl(*shlex.split(command)[1:])
        assert ended.code == 0, ended.text
        return ended.output

    assert sorted(output(FOLLOW_WORKERS).splitlines()) == ["log of a worker"] * 2
    assert output(MIGRATION) == "log of the migration\n"
    assert output(OPERATOR) == "log of the operator\n"
    output(SUSPEND)
    assert raylens.run("status").code == 13
    assert raylens.run("wait").code == 13
    output(kubectl_commands.resume_command("raylens"))
    assert raylens.run("status").code == 1
    assert raylens.service()["spec"]["suspend"] is False


def put_pods(raylens: Raylens, manifests: list[Manifest]) -> None:
    """The pods of a release, each with a line in its log, and KubeRay's operator."""
    server = raylens.server
    server.store.put(one(manifests, "RayService"))
    server.operator.settle()
    for pod in raylens.objects("Pod"):
        server.set_status("Pod", NAMESPACE, pod["metadata"]["name"], {"phase": "Succeeded"})  # ends --follow
        if "-worker-" in pod["metadata"]["name"]:
            server.pod_logs(NAMESPACE, pod["metadata"]["name"], "log of a worker\n", container="ray-worker")
    template = one(manifests, "Job")["spec"]["template"]
    put_pod(raylens, "migration", NAMESPACE, template)
    labels = {"app.kubernetes.io/name": "kuberay-operator"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "kuberay-operator"}]}}
    metadata = {"name": "kuberay-operator", "namespace": "kuberay-system"}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    server.store.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    put_pod(raylens, "operator", "kuberay-system", template)


def put_pod(raylens: Raylens, name: str, namespace: str, template: Manifest) -> None:
    metadata = {**template["metadata"], "name": name, "namespace": namespace}
    status = {"phase": "Succeeded"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": status}
    raylens.server.store.put(pod)
    raylens.server.pod_logs(namespace, name, f"log of the {name}\n")
