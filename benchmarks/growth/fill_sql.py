"""SQL statements that generate classifications and counters, valid for SQLite and MariaDB (see ``filling``).

The helper table ``numbered`` contains the number, image, label, duration and time of each classification. Rows are
inserted from it and counters are aggregated from it; larger aggregates are computed from smaller ones.
"""

from typing import Final

DAYS: Final = 7
"""Period over which the classifications are evenly distributed, ending now."""

IMAGES: Final = 5000
"""Number of images that two thirds of the classifications share; the others have unique images."""

LABELS: Final = 1000
USER_ID: Final = 1
"""The only user, who owns every tenth classification."""

TALLIES: Final = "COUNT(*) number, SUM(took_us) sum_us, MIN(took_us) min_us, MAX(took_us) max_us, MAX(seen_us) last_us"
SUMS: Final = "SUM(count) number, SUM(sum_us) sum_us, MIN(min_us) min_us, MAX(max_us) max_us, MAX(last_seen_us) last_us"
TALLY_COLUMNS: Final = "count, sum_us, min_us, max_us, last_seen_us"
WNID: Final = "'n' || SUBSTR('00000000' || label, -8)"
LABEL: Final = f"'label ' || label, {WNID}"
URL: Final = "'https://images.example.org/photos/' || image || '.jpg'"
SHA256: Final = "SHA2('photo ' || image, 256)"
URL_OR_NOT: Final = f"CASE WHEN image % 2 = 0 THEN {URL} END"
PREDICTIONS: Final = (
    "'[[' || label || ', 0.7421875238418579], [999, 0.06243896484375], [998, 0.0312347412109375], "
    "[997, 0.01953125], [996, 0.0078125]]'"
)
TIMINGS: Final = (
    '\'{"fetch": 0.0, "preprocess": 3.125, "queue": 1.5, "inference": 5.25, "total": \' || (took_us / 1000.0) || \'}\''
)
NUMBERS: Final = {"image": f"image + {LABELS + 1}", "label": "label + 1"}
"""SQL of counter ids: labels first, then images."""

KINDS: Final = {"image": "image % 2", "label": "2"}
KEYS: Final = {
    "image": f"CASE WHEN image % 2 = 0 THEN UNHEX(SHA2({URL}, 256)) ELSE UNHEX({SHA256}) END, {URL_OR_NOT}, {SHA256}",
    "label": f"UNHEX(SHA2({WNID}, 256)), NULL, NULL",
}
"""SQL of the key, URL and SHA-256 of a counter."""

BEGIN: Final = (
    "CREATE TABLE thousand (n BIGINT)",
    "INSERT INTO thousand VALUES " + ", ".join(f"({number})" for number in range(1000)),
    "CREATE TABLE numbered "
    "(n BIGINT, image BIGINT, label BIGINT, took_us BIGINT, seen_s BIGINT, seen_us BIGINT, PRIMARY KEY (n))",
)
END: Final = ("DROP TABLE numbered", "DROP TABLE thousand")


def numbered(first: int, end: int, rows: int, now_us: int) -> str:
    """Fill ``numbered`` from ``first`` to ``end`` (exclusive), at most 100,000. Primes scatter images and labels."""
    every = DAYS * 86_400_000_000 // rows
    numbers = (
        f"SELECT {first} + 1000 * thousands.n + ones.n n FROM thousand thousands CROSS JOIN thousand ones "
        "WHERE thousands.n < 100"
    )
    subjects = (
        f"SELECT n, CASE WHEN n % 3 = 0 THEN {IMAGES} + n ELSE n * 7919 % {IMAGES} END image, "
        f"{now_us - every * rows} + n * {every} seen_us FROM ({numbers}) numbers WHERE n < {end}"
    )
    return (
        f"INSERT INTO numbered SELECT n, image, {_label('image')}, 5000 + n * 31 % 9000, "
        f"(seen_us - seen_us % 1000000) / 1000000, seen_us FROM ({subjects}) subjects ORDER BY n"
    )


def classifications(first: int, end: int) -> str:
    return (
        "INSERT INTO classifications (id, created_us, user_id, sha256, url, format, width, height, model, "
        "model_version, runtime, `precision`, label, wnid, predictions, cached, processing_ms, timings_ms) "
        f"SELECT SUBSTR('{'0' * 32}' || n, -32), seen_us, CASE WHEN n % 10 = 0 THEN {USER_ID} END, {SHA256}, "
        f"{URL_OR_NOT}, 'JPEG', 500, 375, 'efficientnet-lite0', '1', 'openvino', 'bf16', {LABEL}, {PREDICTIONS}, 0, "
        f"took_us / 1000.0, {TIMINGS} FROM numbered WHERE n >= {first} AND n < {end} ORDER BY n"
    )


def first_buckets(bucket_s: int, start_s: int, subject: str) -> str:
    """Buckets of images or labels since ``start_s``, aggregated from ``numbered``."""
    placed = f"SELECT numbered.*, seen_s - seen_s % {bucket_s} start_s FROM numbered WHERE seen_s >= {start_s}"
    return _buckets(
        bucket_s, subject, f"SELECT {subject}, start_s, {TALLIES} FROM ({placed}) placed GROUP BY {subject}, start_s"
    )


def buckets_of_labels(bucket_s: int) -> str:
    """Buckets of labels, aggregated from those of images, which are fewer than the classifications."""
    label = _label(f"(counter_id - {LABELS + 1})")
    placed = f"SELECT {label} label, buckets.* FROM buckets WHERE bucket_s = {bucket_s} AND kind < 2"
    return _buckets(bucket_s, "label", f"SELECT label, start_s, {SUMS} FROM ({placed}) placed GROUP BY label, start_s")


def counters(bucket_s: int, subject: str) -> str:
    """Counters, aggregated from the buckets that cover all classifications."""
    numbers = {"image": f"counter_id - {LABELS + 1} image", "label": "counter_id - 1 label"}
    kinds = {"image": "kind < 2", "label": "kind = 2"}
    summed = (
        f"SELECT {numbers[subject]}, {SUMS} FROM buckets WHERE bucket_s = {bucket_s} AND {kinds[subject]} "
        "GROUP BY counter_id"
    )
    labelled = f"SELECT summed.*, {_label('image')} label FROM ({summed}) summed" if subject == "image" else summed
    return (
        f"INSERT INTO counters (id, kind, `key`, url, sha256, label, wnid, anonymous, public, {TALLY_COLUMNS}) "
        f"SELECT {NUMBERS[subject]}, {KINDS[subject]}, {KEYS[subject]}, {LABEL}, 1, 1, number, sum_us, min_us, max_us, "
        f"last_us FROM ({labelled}) tallied"
    )


def _buckets(bucket_s: int, subject: str, tallied: str) -> str:
    return (
        f"INSERT INTO buckets (bucket_s, counter_id, start_s, kind, public, {TALLY_COLUMNS}) "
        f"SELECT {bucket_s}, {NUMBERS[subject]}, start_s, {KINDS[subject]}, 1, number, sum_us, min_us, max_us, last_us "
        f"FROM ({tallied}) tallied"
    )


def _label(image: str) -> str:
    """SQL of the label of an image."""
    return f"{image} * 7 % {LABELS}"
