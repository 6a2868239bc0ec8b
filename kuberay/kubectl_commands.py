"""The kubectl commands that messages recommend; docs/kubernetes.md explains them."""

from typing import Final

WORKER_LOG: Final = "kubectl logs --selector raylens/component=worker --container ray-worker"
MIGRATION_LOG: Final = "kubectl logs --selector raylens/component=migration"
OPERATOR_LOG: Final = "kubectl logs --namespace kuberay-system deployment/kuberay-operator"


def resume_command(rayservice: str) -> str:
    """Starts a suspended release again."""
    return f"""kubectl patch rayservice {rayservice} --type merge --patch '{{"spec":{{"suspend":false}}}}'"""
