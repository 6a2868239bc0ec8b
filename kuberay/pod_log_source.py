"""Whose log; apart, since the command line names them before anything else is loaded."""

from enum import StrEnum


class Source(StrEnum):
    """A kind of pod, and in the head's the container of Ray's autoscaler."""

    HEAD = "head"
    WORKER = "worker"
    AUTOSCALER = "autoscaler"
    MIGRATION = "migration"
    OPERATOR = "operator"
