"""Parses the forms of HTML pages."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)
    """Values of the submit buttons."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            assert values["method"] == "post"
            self.forms.append(Form(values["action"]))
        elif tag == "input":
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        elif tag == "button" and "value" in values:
            self.forms[-1].buttons.append(values["value"])
        elif tag == "a":
            self.links.append(values["href"])


def form_of(page: str) -> Form:
    """The only form on a page."""
    reader = _Reader()
    reader.feed(page)
    [form] = reader.forms
    return form


def links_of(page: str) -> list[str]:
    reader = _Reader()
    reader.feed(page)
    return reader.links
