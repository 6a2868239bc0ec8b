"""As Djoser's documentation says, and a way to begin anew."""

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def forget_everybody(_request: HttpRequest) -> HttpResponse:
    get_user_model().objects.all().delete()
    return HttpResponse(status=204)


urlpatterns = [
    path("auth/", include("djoser.urls")),
    path("auth/", include("djoser.urls.authtoken")),
    path("forget-everybody/", forget_everybody),
]
