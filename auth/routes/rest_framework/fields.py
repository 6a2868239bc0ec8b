"""Validates the fields of a request body with the messages of Django REST framework."""

from collections.abc import Callable
from typing import Final

from auth.errors import InvalidFields
from auth.routes.rest_framework.body import ParsedBody

Validator = Callable[[str], list[str]]
_INVALID: Final = "Not a valid string."


class Fields:
    """Reads fields one by one and collects their errors for :meth:`raise_errors`."""

    def __init__(self, body: ParsedBody) -> None:
        self._body = body
        self._errors: dict[str, list[str]] = {}

    def text(self, name: str, *, check: Validator | None = None) -> str:
        """A required field, stripped. The value of an invalid field is unspecified."""
        if name not in self._body.values:
            self._errors[name] = ["This field is required."]
            return ""
        return self._read(name, check=check) or ""

    def text_or_none(
        self, name: str, *, may_be_blank: bool = False, check: Validator | None = None, invalid: str = _INVALID
    ) -> str | None:
        """None if it is omitted; in a form, an empty field that may not be blank counts as omitted."""
        value = self._body.values.get(name, "")
        is_omitted = name not in self._body.values or (self._body.is_form and value == "" and not may_be_blank)
        return None if is_omitted else self._read(name, may_be_blank=may_be_blank, check=check, invalid=invalid)

    def _read(
        self, name: str, *, may_be_blank: bool = False, check: Validator | None = None, invalid: str = _INVALID
    ) -> str | None:
        value = self._body.values[name]
        text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else None
        if value is None:
            errors = ["This field may not be null."]
        elif text is None:
            errors = [invalid]
        elif text:
            errors = [*(check(text) if check else ()), *_unstorable(text)]
        else:
            errors = [] if may_be_blank else ["This field may not be blank."]
        if errors:
            self._errors[name] = errors
        return None if errors else text

    def raise_errors(self) -> None:
        """Raises InvalidFields if a field is invalid."""
        if self._errors:
            raise InvalidFields(self._errors)


def _unstorable(text: str) -> list[str]:
    """Errors for characters that no database accepts."""
    errors = ["Null characters are not allowed."] if "\0" in text else []
    surrogate = next((character for character in text if "\ud800" <= character <= "\udfff"), None)
    return [*errors, f"Surrogate characters are not allowed: U+{ord(surrogate):X}."] if surrogate else errors
