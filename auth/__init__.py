"""Accounts, sessions, tokens, API keys, the OAuth server and external sign-in.

The package receives an SQLAlchemy engine and settings, and provides routes (``auth.app``). Other routes use it for one
purpose: to get the principal of a request and check its permissions (``auth.http.permissions``).
"""
