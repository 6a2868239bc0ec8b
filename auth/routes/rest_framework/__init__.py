"""The form of Django REST framework, which the original's clients speak: bodies, fields, errors.

Checked against the real one in ``tests/auth/reference``.
"""
