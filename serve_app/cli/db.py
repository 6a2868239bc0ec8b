"""``raylens db``: the database's schema, state and size."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from serve_app.cli.database_errors import database_errors
from serve_app.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="The database: its schema, its state, its size.")


Days = Annotated[int, typer.Option(min=1, help="Keep classifications of the last DAYS days.")]


@app.command(epilog="Example: RAYLENS_DATABASE_URL=mysql+pymysql://USER:PASSWORD@HOST/raylens raylens db upgrade")
def upgrade(as_json: AsJson = False) -> None:
    """Bring the database to the schema this version needs. Harmless where it is there already."""
    from serve_app.database import schema
    from serve_app.database.engine import connect, parse_database_url
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


@app.command(epilog="Example: raylens db status --json")
def status(as_json: AsJson = False) -> None:
    """Show the schema's revision, the rows, and the records that wait for the database."""
    from serve_app.settings import settings
    from serve_app.statistics.state import database_state

    with database_errors("raylens db"):
        state = database_state(settings().effective_database_url, settings().spool_dir)
    _show(state, as_json)


@app.command(epilog="Example: raylens db prune --days 90")
def prune(days: Days, as_json: AsJson = False) -> None:
    """Delete single classifications older than DAYS. The counters behind the Top 10 keep what they counted."""
    from serve_app.database.engine import connect
    from serve_app.settings import settings
    from serve_app.statistics.retention import prune as prune_database

    with database_errors("raylens db"):
        engine = connect(settings().effective_database_url, timeout_s=60)
        pruned = prune_database(engine, days)
        engine.dispose()
    _show({"classifications_deleted": pruned.classifications, "buckets_deleted": pruned.buckets}, as_json)


@app.command(epilog="Example: raylens db backup backups/2026-11-22")
def backup(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Is made; to restore, RAYLENS_DATA_DIR=FOLDER.")],
    as_json: AsJson = False,
) -> None:
    """Copy the embedded database, the records that wait for it and the secret key, while Raylens runs or not."""
    from serve_app.cli.failure import WrongUsage
    from serve_app.database.backup import back_up
    from serve_app.database.engine import parse_database_url
    from serve_app.settings import settings

    with database_errors("raylens db backup"):
        url = parse_database_url(settings().effective_database_url)
        if url.get_backend_name() != "sqlite":
            raise WrongUsage(
                f"The database is a server's, which has its own way: "
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
