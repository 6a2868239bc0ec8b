"""A Django project with Djoser and token authentication. ``python django_project.py PORT`` serves it."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

MIN_LENGTH = 15


def configure() -> None:
    validators = "django.contrib.auth.password_validation"
    settings.configure(
        SECRET_KEY="unused",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="urls",
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
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


class SilentHandler(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None: ...


def main() -> None:
    configure()
    call_command("migrate", verbosity=0)
    make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), handler_class=SilentHandler).serve_forever()


if __name__ == "__main__":
    main()
