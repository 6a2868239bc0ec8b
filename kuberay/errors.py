"""Errors of the deploy commands. Each ends the process with its own exit code."""

from typing import ClassVar

from kuberay.exit_codes import ExitCode


class DeployError(Exception):
    """``message`` says what is wrong, ``advice`` what to do next. Neither contains a secret."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    @property
    def code(self) -> ExitCode:
        return self.exit_code

    def as_json(self) -> dict[str, str]:
        return {"code": self.code.slug, "detail": self.message, "advice": self.advice}


class InvalidUsage(DeployError):
    """Wrong options, or values that the chart rejects."""

    exit_code = ExitCode.WRONG_USE


class ClusterUnreachable(DeployError):
    """The API server does not respond, or responds that it is unavailable."""

    exit_code = ExitCode.UNREACHABLE


class ClusterAccessDenied(DeployError):
    """401, 403, or denied by an admission webhook."""

    exit_code = ExitCode.NOT_ALLOWED


class ClusterUnauthorized(ClusterAccessDenied):
    """401."""


class ClusterResourceNotFound(DeployError):
    """A release, a revision, a namespace or an object."""

    exit_code = ExitCode.NOT_FOUND


class KindNotInstalled(ClusterResourceNotFound):
    """The cluster lacks the CustomResourceDefinition of a kind."""


class WaitTimeout(DeployError):
    exit_code = ExitCode.TIMED_OUT


class ResourceConflict(DeployError):
    """Another client changes the same object or release."""

    exit_code = ExitCode.CONFLICT


class InvalidResource(DeployError):
    """422."""


class MigrationFailed(DeployError):
    """The Job that migrates the database failed, so nothing of the new version was started."""

    exit_code = ExitCode.MIGRATION_FAILED


class HelmUnavailable(DeployError):
    """Helm is missing or too old."""

    exit_code = ExitCode.NO_HELM


class ReleaseNotReady(DeployError):
    """The release does not become ready; ``code`` gives the reason."""

    def __init__(self, code: ExitCode, message: str, advice: str = "") -> None:
        super().__init__(message, advice)
        self._code = code

    @property
    def code(self) -> ExitCode:
        return self._code
