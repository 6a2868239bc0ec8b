"""The formats of Django REST framework for request bodies, field errors and error responses.

Checked against the real one in ``tests/auth/reference``.
"""
