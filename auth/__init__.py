"""Users and how they get in: accounts, sessions, tokens, API keys, the OAuth server, sign-in with others.

Knows nothing of images. It is given an SQLAlchemy engine and settings, and offers routes (``auth.routes``). To other
routes it says the one thing they need to know: who asks (``auth.http.permissions``).
"""
