import pytest

from serve_app.cli.result_writers import bar


@pytest.mark.parametrize(
    ("share", "drawn"),
    [
        (0.0, "          "),
        (1.0, "██████████"),
        (0.5, "█████     "),
        (0.05, "▌         "),
        (0.999, "██████████"),
        (2, "█" * 10),
    ],
)
def test_bars_have_a_fixed_width(share, drawn):
    assert bar(share, 10) == drawn
