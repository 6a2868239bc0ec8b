"""Which e-mail addresses users may have, and how they are stored."""

from hypothesis import given
from hypothesis import strategies as st

from auth.users import emails


def test_valid_addresses_are_stored_with_a_lower_case_domain():
    stored = {"": "", "a@X.Org": "a@x.org", " A@x.org ": "A@x.org", "a@[127.0.0.1]": "a@[127.0.0.1]"}
    stored |= {"a@Exämple.org": "a@xn--exmple-cua.org", "a@gооgle.org": "a@xn--ggle-55da.org"}
    assert {email: emails.normalize_email(email) for email in stored} == stored
    assert {email: emails.email_errors(email) for email in stored.values()} == {email: [] for email in stored.values()}


def test_invalid_addresses_are_rejected():
    invalid = ["x", "@", "a@b@c.org", "a b@x.org", "a@x.org\nBcc: b@x.org", "\ud800@x.org", "é@x.org"]
    errors = {email: ["Enter a valid email address."] for email in invalid}
    errors["a" * 250 + "@x.org"] = ["Ensure this field has no more than 254 characters."]
    assert {email: emails.email_errors(email) for email in errors} == errors


@given(st.text(max_size=300))
def test_any_text_has_one_error_at_most(text):
    assert len(emails.email_errors(text)) <= 1
