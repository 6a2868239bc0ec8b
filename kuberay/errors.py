"""Why a command could not do what it should. Each ends the process with its own exit code."""

from typing import ClassVar

from kuberay.exit_codes import ExitCode


class DeployError(Exception):
    """``message`` says what is wrong, ``advice`` what to do about it; both are for people."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, advice: str = "") -> None:
        """Neither holds a secret."""
        super().__init__(message)
        self.message = message
        self.advice = advice

    @property
    def code(self) -> ExitCode:
        """How the process ends."""
        return self.exit_code

    def as_json(self) -> dict[str, str]:
        """For programs."""
        return {"code": self.code.slug, "detail": self.message, "advice": self.advice}


class WrongUse(DeployError):
    """What was typed cannot be, or the chart refuses the values."""

    exit_code = ExitCode.WRONG_USE


class Unreachable(DeployError):
    """The cluster does not answer, or answers that it cannot."""

    exit_code = ExitCode.UNREACHABLE


class NotAllowed(DeployError):
    """401, 403, or refused by an admission webhook."""

    exit_code = ExitCode.NOT_ALLOWED


class NotSignedIn(NotAllowed):
    """401: the cluster does not know who asks."""


class NotFound(DeployError):
    """A release, a revision, a namespace, an object."""

    exit_code = ExitCode.NOT_FOUND


class MissingKind(NotFound):
    """The cluster has no definition of a kind that is needed."""


class TimedOut(DeployError):
    """The time given is over."""

    exit_code = ExitCode.TIMED_OUT


class Conflict(DeployError):
    """Someone else is at it."""

    exit_code = ExitCode.CONFLICT


class Invalid(DeployError):
    """422: the cluster holds a change for wrong."""


class MigrationFailed(DeployError):
    """The Job that migrates the database failed, so nothing of the new version was started."""

    exit_code = ExitCode.MIGRATION_FAILED


class NoHelm(DeployError):
    """Helm is not there, or too old."""

    exit_code = ExitCode.NO_HELM


class NotReady(DeployError):
    """The release does not come up, for a reason that can be named."""

    def __init__(self, code: ExitCode, message: str, advice: str = "") -> None:
        """``code`` tells the reason."""
        super().__init__(message, advice)
        self._code = code

    @property
    def code(self) -> ExitCode:
        return self._code
