import pytest
from pydantic import ValidationError

from serve_app.rate_limit.rate import Rate, parse_rates
from serve_app.settings import Settings


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("600/minute", (Rate(600, 60),)),
        ("1/second", (Rate(1, 1),)),
        (" 10/Hour ", (Rate(10, 3600),)),
        ("5/day", (Rate(5, 86_400),)),
        ("600/minute, 20000/day", (Rate(600, 60), Rate(20_000, 86_400))),
        (" Off", ()),
    ],
)
def test_rates_are_parsed(text, rates):
    assert parse_rates(text) == rates


@pytest.mark.parametrize(
    "text",
    [
        "",
        "600",
        "600/fortnight",
        "0/minute",
        "-1/minute",
        "1.5/minute",
        "٣/minute",
        "1/minute\n2",
        "on",
        "1/minute,",
        "off, 1/minute",
    ],
)
def test_anything_else_is_rejected(text):
    with pytest.raises(ValueError, match="write it like 600/minute"):
        parse_rates(text)


def test_a_rate_is_printed_in_its_notation():
    assert [str(rate) for rate in parse_rates("600/minute,5/day")] == ["600/minute", "5/day"]


@pytest.mark.parametrize("field", ["rate_limit_anonymous", "rate_limit_user", "rate_limit_key"])
def test_an_invalid_setting_stops_the_start_and_is_named(field, monkeypatch):
    monkeypatch.setenv(f"RAYLENS_{field.upper()}", "600/fortnight")
    with pytest.raises(ValidationError, match=rf"{field}[\s\S]*write it like 600/minute"):
        Settings()
