"""Variants of config/serve.yaml."""

from pathlib import Path

from benchmarks.serve_yaml import in_precision, read, write
from serve_app.cluster.serve_config import read as read_checked


def test_only_the_precision_changes(tmp_path: Path):
    original = read()
    changed = read_checked(write(in_precision(original, "bf16"), tmp_path / "serve.yaml"))
    classifier = changed["applications"][0]["args"]["classifier"]
    assert classifier["precision"] == "bf16"
    classifier["precision"] = original["applications"][0]["args"]["classifier"]["precision"]
    assert changed == read_checked(write(original, tmp_path / "same.yaml"))
