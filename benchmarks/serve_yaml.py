"""Variants of config/serve.yaml."""

import copy
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.command import ROOT

CONFIG: Final = ROOT / "config" / "serve.yaml"


def read(path: Path = CONFIG) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def write(document: dict[str, Any], path: Path) -> Path:
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def in_precision(document: dict[str, Any], precision: str) -> dict[str, Any]:
    """A copy whose Classifiers compute in ``precision``."""
    document = copy.deepcopy(document)
    (application,) = document["applications"]
    application["args"]["classifier"]["precision"] = precision
    return document
