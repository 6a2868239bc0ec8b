"""``python -m tests.models.failing_child FOLDER``: a child process that raises the error on its standard input."""

from pathlib import Path

from models import child_process


def fail(_folder: Path, error: Exception) -> None:
    raise error


if __name__ == "__main__":
    raise SystemExit(child_process.run_as_child(fail))
