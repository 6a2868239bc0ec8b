"""Exit codes of the deploy commands. Scripts may rely on these numbers."""

from enum import IntEnum, unique


@unique
class ExitCode(IntEnum):
    """``meaning`` is the text in ``--help`` and docs/kubernetes.md."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> "ExitCode":
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    DONE = 0, "success"
    FAILED = 1, "another failure, or not ready yet (status)"
    WRONG_USE = 2, "wrong options, or values that the chart rejects"
    UNREACHABLE = 3, "the API server does not respond"
    NOT_ALLOWED = 4, "authentication failed, or permission denied"
    NOT_FOUND = 5, "no such release, revision or namespace, or KubeRay is not installed"
    TIMED_OUT = 6, "timeout without a failure that could be identified"
    INVALID = 7, "KubeRay rejects the RayService (ValidationFailed)"
    CONFLICT = 8, "another operation is in progress, or another client owns the object"
    MIGRATION_FAILED = 9, "the database migration failed"
    DEPLOY_FAILED = 10, "Ray Serve could not deploy the application (DEPLOY_FAILED)"
    UNHEALTHY = 11, "the application stays UNHEALTHY"
    PODS_FAILED = 12, "pods cannot start: image, crash, memory, configuration, no node with room"
    SUSPENDED = 13, "the release is suspended: nothing runs until `spec.suspend` is false"
    INITIALIZING_TIMEOUT = 14, "KubeRay abandoned the first cluster (InitializingTimeout)"
    NO_HELM = 15, "Helm 3.14 or later is missing"
    INTERRUPTED = 130, "Ctrl-C; what was started continues in the cluster"

    @property
    def slug(self) -> str:
        """The code in JSON."""
        return self.name.lower()


def exit_code_help() -> str:
    return "; ".join(f"{code.value} {code.meaning}" for code in ExitCode)
