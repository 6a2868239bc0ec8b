"""The fields of a body, and what is wrong with each, in the framework's words."""

from collections.abc import Callable
from typing import Final

from auth.errors import InvalidFields
from auth.routes.rest_framework.body import ParsedBody

Check = Callable[[str], list[str]]
INVALID: Final = "Not a valid string."


class Fields:
    """Reads one field after the other, and then tells of all faults at once."""

    def __init__(self, body: ParsedBody) -> None:
        self._body = body
        self._errors: dict[str, list[str]] = {}

    def text(self, name: str, *, check: Check | None = None) -> str:
        """One that has to be there, without space around it. What is told of a faulty one does not matter."""
        if name not in self._body.values:
            self._errors[name] = ["This field is required."]
            return ""
        return self._read(name, check=check) or ""

    def text_or_none(
        self, name: str, *, may_be_blank: bool = False, check: Check | None = None, invalid: str = INVALID
    ) -> str | None:
        """None where it is left out, as in a form by an empty one that may not be blank."""
        value = self._body.values.get(name, "")
        is_left_out = name not in self._body.values or (self._body.is_form and value == "" and not may_be_blank)
        return None if is_left_out else self._read(name, may_be_blank=may_be_blank, check=check, invalid=invalid)

    def _read(
        self, name: str, *, may_be_blank: bool = False, check: Check | None = None, invalid: str = INVALID
    ) -> str | None:
        value = self._body.values[name]
        text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else None
        if value is None:
            errors = ["This field may not be null."]
        elif text is None:
            errors = [invalid]
        elif text:
            errors = [*(check(text) if check else ()), *_unfit(text)]
        else:
            errors = [] if may_be_blank else ["This field may not be blank."]
        if errors:
            self._errors[name] = errors
        return None if errors else text

    def raise_errors(self) -> None:
        """Raises InvalidFields if there are any."""
        if self._errors:
            raise InvalidFields(self._errors)


def _unfit(text: str) -> list[str]:
    """What no database takes."""
    errors = ["Null characters are not allowed."] if "\0" in text else []
    half = next((character for character in text if "\ud800" <= character <= "\udfff"), None)
    return [*errors, f"Surrogate characters are not allowed: U+{ord(half):X}."] if half else errors
