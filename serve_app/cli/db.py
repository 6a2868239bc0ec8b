"""``raylens db``: schema, state, retention and backup of the database."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from serve_app.cli.database_errors import database_errors
from serve_app.cli.options import JsonOption

app = typer.Typer(no_args_is_help=True, help="Upgrade, inspect, prune and back up the database.")


_Days = Annotated[int, typer.Option(min=1, help="Keep the classifications of the last DAYS days.")]


@app.command(
    "upgrade", epilog="Example: RAYLENS_DATABASE_URL=mysql+pymysql://USER:PASSWORD@HOST/raylens raylens db upgrade"
)
def upgrade_command(as_json: JsonOption = False) -> None:
    """Upgrade the database to the schema of this version. Does nothing if it is up to date."""
    from serve_app.database import schema
    from serve_app.database.database_url import parse_database_url
    from serve_app.database.engine import connect
    from serve_app.settings import settings

    with database_errors("raylens db"):
        url = settings().effective_database_url
        schema.upgrade(url)
        engine = connect(url)
        state = {
            "database": parse_database_url(url).render_as_string(hide_password=True),
            "revision": schema.describe(schema.current(engine)),
        }
        engine.dispose()
    _show(state, as_json)


@app.command("status", epilog="Example: raylens db status --json")
def database_status_command(as_json: JsonOption = False) -> None:
    """Show the schema revision, the number of rows and the records spooled for the database."""
    from serve_app.settings import settings
    from serve_app.statistics.state import database_state

    with database_errors("raylens db"):
        state = database_state(settings().effective_database_url, settings().spool_dir)
    _show(state, as_json)


@app.command("prune", epilog="Example: raylens db prune --days 90")
def prune_command(days: _Days, as_json: JsonOption = False) -> None:
    """Delete classifications older than DAYS days. The Top 10 keeps the counts of anonymous ones."""
    from serve_app.database.engine import connect
    from serve_app.settings import settings
    from serve_app.statistics.retention import prune

    with database_errors("raylens db"):
        engine = connect(settings().effective_database_url, timeout_s=60)
        pruned = prune(engine, days)
        engine.dispose()
    _show({"classifications_deleted": pruned.classifications, "buckets_deleted": pruned.buckets}, as_json)


@app.command("backup", epilog="Example: raylens db backup backups/2026-11-22")
def backup_command(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="New folder of the backup; to restore it, set RAYLENS_DATA_DIR=FOLDER."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Back up the embedded database, the spooled records and the secret key. Raylens may be running."""
    from serve_app.cli.errors import UsageError
    from serve_app.database.backup import back_up
    from serve_app.database.database_url import parse_database_url
    from serve_app.settings import settings

    with database_errors("raylens db backup"):
        url = parse_database_url(settings().effective_database_url)
        if url.get_backend_name() != "sqlite":
            raise UsageError(
                f"Only the embedded database can be backed up here; for a database server use: "
                f"mysqldump --single-transaction --host {url.host} --user {url.username} --password {url.database}"
            )
        made = back_up(Path(url.database or ""), settings().data_dir, folder)
    _show(
        {"folder": str(made.folder), "database_bytes": made.database_bytes, "spooled_files": made.spooled_files},
        as_json,
    )


def _show(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(values))
        return
    width = max(map(len, values))
    for name, value in values.items():
        typer.echo(f"{name.replace('_', ' '):<{width}}  {'none' if value is None else value}")
