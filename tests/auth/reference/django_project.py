"""The original's accounts: Djoser on Django with its tokens. ``python django_project.py PORT DATABASE`` serves it."""

import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

MIN_LENGTH = 15


def configure(database: str) -> None:
    validators = "django.contrib.auth.password_validation"
    settings.configure(
        SECRET_KEY="the oracle keeps no secrets",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="urls",
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "rest_framework.authtoken",
            "djoser",
        ],
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        },
        AUTH_PASSWORD_VALIDATORS=[
            {"NAME": f"{validators}.UserAttributeSimilarityValidator"},
            {"NAME": f"{validators}.MinimumLengthValidator", "OPTIONS": {"min_length": MIN_LENGTH}},
            {"NAME": f"{validators}.CommonPasswordValidator"},
        ],
    )
    django.setup()


class Silent(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None: ...


def main() -> None:
    port, database = sys.argv[1:]
    is_new = not Path(database).exists()
    configure(database)
    if is_new:
        call_command("migrate", verbosity=0)
    make_server("127.0.0.1", int(port), get_wsgi_application(), handler_class=Silent).serve_forever()


if __name__ == "__main__":
    main()
