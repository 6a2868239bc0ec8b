"""Marks tests that depend on the database."""

import pytest

both_databases = pytest.mark.parametrize("database", ["sqlite", "mariadb"], indirect=True)
"""Runs a test on SQLite and on MariaDB; others run on SQLite alone."""
