"""Each kind of line has its own limit per second; suppressed lines are counted."""

from serve_app.observability.log_rate_limit import LogRateLimit


def test_lines_above_the_limit_are_suppressed_and_counted():
    now = [0.5]
    limit = LogRateLimit(2, lambda: now[0])
    assert [limit.take("a") for _ in range(5)] == [0, 0, None, None, None]
    assert limit.take("b") == 0
    now[0] = 1.0
    assert [limit.take("a") for _ in range(3)] == [3, 0, None]
    now[0] = 9.0
    assert limit.take("a") == 1
