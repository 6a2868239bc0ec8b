"""Names and sizes of files, and names that they define."""

from tests.source_files import FILES, TESTS, name_of, public_names

LONGER: dict[str, str] = {}
"""Files with more than 300 lines, with the reason."""


def test_a_public_name_is_defined_in_one_file() -> None:
    files: dict[str, list[str]] = {}
    for path in FILES:
        # Alembic prescribes the names in migrations.
        if name_of(path).startswith(("serve_app/", "auth/", "models/", "kuberay/")) and "migrations" not in path.parts:
            for name in public_names(path):
                files.setdefault(name, []).append(name_of(path))
    assert {name: places for name, places in files.items() if len(places) > 1} == {}


def test_no_file_has_a_generic_name() -> None:
    generic = {"utils", "util", "helpers", "helper", "common", "base", "misc", "tools"}
    assert [name_of(path) for path in [*FILES, *TESTS] if path.stem in generic or path.parent.name in generic] == []


def test_files_have_at_most_300_lines() -> None:
    long = {name_of(path) for path in [*FILES, *TESTS] if len(path.read_text().splitlines()) > 300}
    assert long - set(LONGER) == set()
