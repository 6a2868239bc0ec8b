"""Which usernames are valid, and which of them are the same name."""

from hypothesis import given
from hypothesis import strategies as st

from auth.users import usernames
from auth.users.skeletons import skeleton_of

BLANK = "This field may not be blank."
TOO_LONG = "Ensure this field has no more than 150 characters."
MIXED = "Use letters and digits of one script: a mixture can imitate another name."
INVALID = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."


def test_valid_and_invalid_names():
    valid = ["alice", "Alice.B+c@d-e_9", "名前", "é", "e\u0301", "x" * 150, " alice ", "ａｌｉｃｅ"]
    errors: dict[str, list[str]] = {name: [] for name in valid} | {
        "": [BLANK],
        " \t": [BLANK],
        "a b": [INVALID],
        "deleted:7": [INVALID],
        "a\0": [INVALID],
        "\ud800": [INVALID],
        "alice\n.": [INVALID],
        "x" * 151: [TOO_LONG],
        "ß" * 76: [TOO_LONG],
        "ﬃ" * 51: [TOO_LONG],
        "a " * 100: [INVALID, TOO_LONG],
        "東京タワー": [],
        "김철수-dev": [],
        "Ελένη": [],
        "иван": [],
        "٣٤": [],
        "аlice": [MIXED],
        "Ελενa": [MIXED],
        "bob1٢": [MIXED],
        "ali\u200bce": [INVALID],
        "ali\u202ece": [INVALID],
        "ali\u3164ce": [INVALID],
        "a\u0336": [INVALID],
    }
    assert {name: usernames.username_errors(name) for name in errors} == errors


def test_names_that_are_the_same():
    keys = {
        names: {usernames.key_of(name) for name in names}
        for names in (
            ("alice", "ALICE", " Alice ", "ａｌｉｃｅ"),
            ("Straße", "STRASSE", "strasse"),
            ("ﬃ", "ffi"),
            ("Σς", "σσ"),
            ("é", "E\u0301"),
        )
    }
    assert {names: len(found) for names, found in keys.items()} == dict.fromkeys(keys, 1)


def test_names_that_look_the_same():
    same = [
        ("alice", "AIice", "a1ice", "аӏісе", "Alice"),
        ("admin", "adrnin", "Adrnin"),
        ("bob0", "bobO", "bobo"),
        ("coco", "сосо", "СОСО"),
        ("ooo", "οοο", "000"),
        ("raylens", "rayIens", "ray1ens"),
        ("Ian", "lan"),
    ]
    skeletons = [{skeleton_of(name) for name in names} for names in same]
    assert [len(found) for found in skeletons] == [1] * len(same)
    distinct = (
        "alice",
        "alicia",
        "ali",
        "ellen",
        "elena",
        "Delia",
        "Della",
        "bob",
        "bob1",
        "иван",
        "ivan",
        "名前",
        "josé",
        "jose",
    )
    assert len({skeleton_of(name) for name in distinct}) == len(distinct)


@given(st.text(max_size=200))
def test_a_skeleton_is_its_own_skeleton(text):
    assert skeleton_of(skeleton_of(text)) == skeleton_of(text)


@given(st.text(max_size=200))
def test_a_stored_name_has_the_same_key_and_fits_the_column(name):
    stored = usernames.normalize_username(name)
    assert usernames.key_of(stored) == usernames.key_of(name) == usernames.key_of(usernames.key_of(name))
    if not usernames.username_errors(name):
        assert max(len(stored), len(usernames.key_of(name))) <= 150
        assert usernames.username_errors(stored) == []


@given(st.text(max_size=300))
def test_any_text_yields_a_valid_name_with_room_for_a_number(text):
    name = usernames.valid_username_from(text)
    assert usernames.username_errors(name) == usernames.username_errors(f"{name}-99999999") == []
