"""``raylens db``: the database's schema, state and size."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="The database: its schema, its state, its size.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Days = Annotated[int, typer.Option(min=1, help="Keep classifications of the last DAYS days.")]


@app.command(epilog="Example: RAYLENS_DATABASE_URL=mysql+pymysql://USER:PASSWORD@HOST/raylens raylens db upgrade")
def upgrade(as_json: AsJson = False) -> None:
    """Bring the database to the schema this version needs. Harmless where it is there already."""
    from serve_app import schema
    from serve_app.database import connect, parse_url
    from serve_app.settings import settings

    with _one_line_errors():
        url = settings().effective_database_url
        schema.upgrade(url)
        engine = connect(url)
        state = {
            "database": parse_url(url).render_as_string(hide_password=True),
            "revision": schema.told(schema.current(engine)),
        }
        engine.dispose()
    _show(state, as_json)


@app.command(epilog="Example: raylens db status --json")
def status(as_json: AsJson = False) -> None:
    """Show the schema's revision, the rows, and the records that wait for the database."""
    from serve_app.settings import settings
    from serve_app.statistics.state import database_state

    with _one_line_errors():
        state = database_state(settings().effective_database_url, settings().spool_dir)
    _show(state, as_json)


@app.command(epilog="Example: raylens db prune --days 90")
def prune(days: Days, as_json: AsJson = False) -> None:
    """Delete single classifications older than DAYS. The counters behind the Top 10 keep what they counted."""
    from serve_app.database import connect
    from serve_app.settings import settings
    from serve_app.statistics.retention import prune as prune_database

    with _one_line_errors():
        engine = connect(settings().effective_database_url, timeout_s=60)
        pruned = prune_database(engine, days)
        engine.dispose()
    _show({"classifications_deleted": pruned.classifications, "buckets_deleted": pruned.buckets}, as_json)


def _show(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(values))
        return
    width = max(map(len, values))
    for name, value in values.items():
        typer.echo(f"{name.replace('_', ' '):<{width}}  {'none' if value is None else value}")


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """What an operator can put right ends with one line and exit code 1. Drivers' messages name no password."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except ValidationError:
        raise  # wrong settings, which every command tells alike
    except (SQLAlchemyError, OSError, ValueError, TimeoutError) as error:
        # SQLAlchemy's own text would quote the statement; the driver's last argument is the message.
        cause = error.orig.args[-1] if isinstance(error, DBAPIError) and error.orig and error.orig.args else error
        typer.echo(f"raylens db: {' '.join(str(cause).split())}", err=True)
        raise typer.Exit(1) from None
