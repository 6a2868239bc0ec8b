import csv
import gzip
import io
import json
import threading
import time
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from serve_app.cli.classify import classify_command
from serve_app.cli.response_limit import MAX_RESPONSE_BYTES
from serve_app.images.limits import MAX_IMAGE_BYTES
from tests.cli.api import HANG_UP, Reply, classification, problem
from tests.servers.process import free_port

app = typer.Typer()
app.command()(classify_command)


def run(*arguments: object, stdin: bytes | None = None):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin, env={"COLUMNS": "200"})


def lines(result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_file_is_sent_unchanged(api, photos):
    result = run(
        photos / "a.jpg", "--server", api.url, "--top-k", 2, "--model", "efficientnet-lite1", "--token", "secret"
    )
    assert result.exit_code == 0, result.output
    [asked] = api.asked
    assert asked.path == "/api/v1/classifications"
    assert asked.query == {"top_k": ["2"], "model": ["efficientnet-lite1"]}
    assert asked.headers["Content-Type"] == "application/octet-stream"
    assert asked.headers["Authorization"] == "Bearer secret"
    assert asked.body == (photos / "a.jpg").read_bytes()


def test_the_table_shows_labels_bars_and_probabilities(api, photos):
    result = run(photos / "a.jpg", "--server", api.url)
    assert "Yorkshire terrier" in result.stdout
    assert "█" * 19 in result.stdout
    assert "96.9%" in result.stdout
    assert "n02094433" in result.stdout


def test_folders_patterns_urls_and_stdin_keep_their_order(api, photos):
    url = "https://example.org/dog.jpg"
    result = run(photos, photos / "*.jpg", url, "-", "--server", api.url, "--json", stdin=b"from stdin")
    assert result.exit_code == 0, result.output
    names = [str(photos / name) for name in ("a.jpg", "b.png", "deep/c.WEBP", "a.jpg")]
    assert [line["source"] for line in lines(result)] == [*names, url, "-"]
    assert json.dumps({"image_url": url}, separators=(",", ":")).encode() in {asked.body for asked in api.asked}
    assert b"from stdin" in {asked.body for asked in api.asked}


def test_json_lines_contain_the_whole_response(api, photos):
    [line] = lines(run(photos / "a.jpg", "--server", api.url, "--json"))
    assert line == {"source": str(photos / "a.jpg"), **classification()}


def test_csv_has_a_header_and_one_row_per_class(api, photos):
    api.answer = lambda asked, _: (
        Reply(201, classification()) if b"PNG" in asked.body else problem(422, "corrupt_image", "It ends, too early.")
    )
    result = run(photos / "b.png", photos / "a.jpg", "--server", api.url, "--csv")
    assert result.exit_code == 1
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["rank"], row["label"], row["probability"], row["error"]) for row in rows] == [
        ("1", "Yorkshire_terrier", "0.968600", ""),
        ("2", "tabby", "0.012300", ""),
        ("", "", "", "corrupt_image"),
    ]
    assert rows[2]["detail"] == "It ends, too early."


def test_invalid_images_do_not_stop_the_others(api, photos, tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "huge.png").write_bytes(bytes(MAX_IMAGE_BYTES + 1))
    (tmp_path / "none").mkdir()
    named = [tmp_path / "missing.png", tmp_path / "empty.png", tmp_path / "huge.png", tmp_path / "none", "*.nothing"]
    result = run(*named, photos / "a.jpg", "--server", api.url, "--json")
    assert result.exit_code == 1
    codes = [line.get("error", {}).get("code") for line in lines(result)]
    assert codes == ["image_missing", "image_missing", "image_too_large", "image_missing", "image_missing", None]
    assert len(api.asked) == 1


def test_the_table_shows_the_reason_of_a_failure(api, photos):
    api.answer = lambda asked, _: (
        problem(422, "corrupt_image", "The [bold]JPEG ends.") if b"PNG" in asked.body else Reply(201, classification())
    )
    result = run(photos, "--server", api.url)
    assert result.exit_code == 1
    assert f"corrupt_image  {photos / 'b.png'}: The [bold]JPEG ends." in result.stdout
    assert "2 images" in result.stdout


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [(408, "upload_timeout", "The upload stalled."), (413, "body_too_complex", "The JSON has too many elements.")],
)
def test_a_rejected_body_is_one_line(api, photos, status, code, detail):
    api.answer = lambda *_: problem(status, code, detail)
    result = run(photos / "a.jpg", "--server", api.url)
    assert result.exit_code == 1
    assert f"{code}  {photos / 'a.jpg'}: {detail}" in result.stdout
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(201, b" " * (MAX_RESPONSE_BYTES + 1)), "the response exceeds 8 MiB"),
        (Reply(201, gzip.compress(b" " * 1000), {"Content_Encoding": "gzip"}), "the response is compressed"),
    ],
)
def test_a_response_is_limited(api, photos, reply, reason):
    api.answer = lambda *_: reply
    result = run(photos / "a.jpg", "--server", api.url)
    assert result.exit_code == 1
    assert reason in result.stdout
    assert len(api.asked) == 1, "it is not sent again"


def test_a_full_server_is_retried_after_its_retry_after_pause(api, photos):
    api.answer = lambda asked, attempt: (
        problem(503, "overloaded", "Full.", Retry_After="0.2") if attempt < 2 else Reply(201, classification())
    )
    started = time.monotonic()
    assert run(photos / "a.jpg", "--server", api.url).exit_code == 0
    assert time.monotonic() - started > 0.4
    assert len(api.asked) == 3


def test_a_lost_connection_is_retried(api, photos):
    api.answer = lambda _, attempt: HANG_UP if attempt < 2 else Reply(201, classification())
    assert run(photos / "a.jpg", "--server", api.url).exit_code == 0


def test_a_connection_that_is_lost_every_time_fails_the_image(api, photos):
    api.answer = lambda asked, _: HANG_UP if b"PNG" in asked.body else Reply(201, classification())
    result = run(photos, "--server", api.url, "--json")
    assert result.exit_code == 1
    assert [line.get("error", {}).get("code") for line in lines(result)] == [None, "connection_lost", None]


@pytest.mark.parametrize(("pause", "attempts"), [("0", 5), ("86400", 1)])
def test_retries_are_limited(api, photos, pause, attempts):
    api.answer = lambda asked, attempt: problem(429, "rate_limited", "Too many.", Retry_After=pause)
    result = run(photos / "a.jpg", "--server", api.url)
    assert result.exit_code == 1
    assert "rate_limited" in result.stdout
    assert len(api.asked) == attempts


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>hello</html>"),
        Reply(201, {"hello": 1}),
        Reply(201, {"predictions": []}),
        Reply(404, [1]),
        Reply(302, b"", {"Location": "/elsewhere"}),
        Reply(201, b"[" * 100_000),
    ],
)
def test_a_server_that_is_not_raylens(api, photos, reply):
    api.answer = lambda *_: reply
    result = run(photos / "a.jpg", "--server", api.url)
    assert result.exit_code == 1
    assert "unexpected_reply" in result.stdout


def test_an_unreachable_server(photos):
    result = run(photos, "--server", f"http://127.0.0.1:{free_port()}")
    assert result.exit_code == 3
    assert "raylens serve" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("address", ["ftp://example.org", "http://", "http://[::1"])
def test_an_invalid_address_is_a_usage_error(photos, address):
    result = run(photos, "--server", address)
    assert result.exit_code == 2
    assert "not the address of a server" in result.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["a.jpg", "--json", "--csv"], ["-", "-"], ["a.jpg", "--top-k", "0"], ["a.jpg", "--jobs", "0"]]
)
def test_invalid_arguments_are_a_usage_error(arguments):
    assert run(*arguments).exit_code == 2


def test_jobs_requests_run_concurrently(api, photos):
    together = threading.Barrier(4)

    def answer(*_: object) -> Reply:
        together.wait(timeout=10)
        return Reply(201, classification())

    api.answer = answer
    assert run(*[photos / "a.jpg"] * 8, "--server", api.url, "--jobs", 4).exit_code == 0
