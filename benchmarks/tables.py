"""Tables: for the terminal, and as Markdown in generated blocks of documentation pages."""

from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

Rows = list[list[str]]
"""The first row is the heading."""


def terminal_table(title: str, rows: Rows) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True)
    for number, heading in enumerate(rows[0]):
        table.add_column(heading, justify="left" if number == 0 else "right", no_wrap=number == 0)
    for row in rows[1:]:
        table.add_row(*row)
    return table


def markdown_table(rows: Rows) -> str:
    heading, *body = rows
    ruler = ["---", *["---:"] * (len(heading) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, ruler, *body))


def print_report(console: Console, tables: list[tuple[str, Rows]], caption: str, notes: list[str]) -> None:
    """Print titled tables, the caption and the notes; warnings among the notes are highlighted."""
    for title, rows in tables:
        console.print(terminal_table(title, rows))
    console.print(caption, style="dim")
    for note in notes:
        is_warning = note.startswith(("Note", "Left out"))
        console.print(note, style="yellow" if is_warning else None, markup=False)


@dataclass(frozen=True, slots=True)
class DocsBlock:
    """The part of a Markdown page between two marker lines, which is generated."""

    begin: str
    end: str

    def write(self, page: Path, paragraphs: list[str]) -> None:
        """Replace the block. Raises ValueError if the page lacks the markers."""
        text = page.read_text()
        if self.begin not in text or self.end not in text:
            raise ValueError(f"{page} has no markers for generated figures: {self.begin} … {self.end}")
        before, _, rest = text.partition(self.begin)
        page.write_text("\n\n".join([before + self.begin, *paragraphs, self.end + rest.partition(self.end)[2]]))
