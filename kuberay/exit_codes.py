"""How a command that works on Kubernetes ends. A script may rely on these numbers."""

from enum import IntEnum, unique


@unique
class ExitCode(IntEnum):
    """One number for each way to end; ``meaning`` is the line of ``--help`` and of docs/kubernetes.md."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> "ExitCode":
        """A number that knows what it means."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    DONE = 0, "done"
    FAILED = 1, "failed in a way that has no code of its own, or not ready yet (status)"
    WRONG_USE = 2, "wrong options, or values that the chart refuses"
    UNREACHABLE = 3, "the cluster does not answer"
    NOT_ALLOWED = 4, "the cluster does not know you, or it is not yours to do"
    NOT_FOUND = 5, "no such release, revision or namespace, or KubeRay is not installed"
    TIMED_OUT = 6, "not done in time, and nothing is wrong that could be seen"
    INVALID = 7, "KubeRay refuses the RayService (ValidationFailed)"
    CONFLICT = 8, "another operation is under way, or an object is someone else's"
    MIGRATION_FAILED = 9, "the database could not be migrated"
    DEPLOY_FAILED = 10, "Ray Serve could not deploy the application (DEPLOY_FAILED)"
    UNHEALTHY = 11, "the application stays UNHEALTHY"
    PODS_FAILED = 12, "pods cannot start: image, crash, memory, configuration, no room"
    SUSPENDED = 13, "the release is suspended: nothing runs until `spec.suspend` is false"
    INITIALIZING_TIMEOUT = 14, "KubeRay gave the first cluster up (InitializingTimeout)"
    NO_HELM = 15, "there is no Helm of version 3.14 or later"
    INTERRUPTED = 130, "Ctrl-C; what was begun goes on in the cluster"

    @property
    def slug(self) -> str:
        """Its name in JSON."""
        return self.name.lower()


def described() -> str:
    """All codes, for ``--help``."""
    return "; ".join(f"{code.value} {code.meaning}" for code in ExitCode)
