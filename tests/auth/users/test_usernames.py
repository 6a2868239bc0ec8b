"""What users may be called, and their e-mail addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.users import emails, usernames

TOO_LONG = "Ensure this field has no more than 150 characters."
INVALID = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."


@pytest.mark.parametrize(
    "name", ["alice", "Alice.B+c@d-e_9", "名前", "é", "e\u0301", "x" * 150, " alice ", "ａｌｉｃｅ"]
)
def test_good_names(name):
    assert usernames.username_errors(name) == []


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("", ["This field may not be blank."]),
        (" \t", ["This field may not be blank."]),
        ("a b", [INVALID]),
        ("deleted:7", [INVALID]),
        ("a\0", [INVALID]),
        ("\ud800", [INVALID]),
        ("alice\n.", [INVALID]),
        ("x" * 151, [TOO_LONG]),
        ("ß" * 76, [TOO_LONG]),
        ("ﬃ" * 51, [TOO_LONG]),
        ("a " * 100, [INVALID, TOO_LONG]),
    ],
)
def test_bad_names(name, faults):
    assert usernames.username_errors(name) == faults


@pytest.mark.parametrize(
    "names",
    [
        ("alice", "ALICE", " Alice ", "ａｌｉｃｅ"),
        ("Straße", "STRASSE", "strasse"),
        ("ﬃ", "ffi"),
        ("Σς", "σσ"),
        ("é", "E\u0301"),
    ],
)
def test_names_that_are_one(names):
    assert len({usernames.key_of(name) for name in names}) == 1


@given(st.text(max_size=200))
def test_the_key_is_the_same_for_what_is_kept_and_fits_the_column(name):
    kept = usernames.normalize_username(name)
    assert usernames.key_of(kept) == usernames.key_of(name) == usernames.key_of(usernames.key_of(name))
    if not usernames.username_errors(name):
        assert max(len(kept), len(usernames.key_of(name))) <= 150
        assert usernames.username_errors(kept) == []


@given(st.text(max_size=300))
def test_a_name_is_made_of_anything_with_room_for_a_number(text):
    made = usernames.valid_username_from(text)
    assert usernames.username_errors(made) == usernames.username_errors(f"{made}-99999999") == []


@pytest.mark.parametrize(
    ("email", "kept"), [("", ""), ("a@X.Org", "a@x.org"), (" A@x.org ", "A@x.org"), ("a@[127.0.0.1]", "a@[127.0.0.1]")]
)
def test_good_addresses(email, kept):
    assert emails.email_errors(emails.normalize_email(email)) == []
    assert emails.normalize_email(email) == kept


@pytest.mark.parametrize(
    "email", ["x", "@", "a@b@c.org", "a b@x.org", "a@x.org\nBcc: b@x.org", "\ud800@x.org", "é@x.org"]
)
def test_bad_addresses(email):
    assert emails.email_errors(email) == ["Enter a valid email address."]


def test_long_addresses():
    assert emails.email_errors("a" * 250 + "@x.org") == ["Ensure this field has no more than 254 characters."]


@given(st.text(max_size=300))
def test_any_text_has_an_answer(text):
    assert len(emails.email_errors(text)) <= 1
