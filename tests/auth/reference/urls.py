"""The routes of Djoser's documentation, and one that resets the database."""

from django.contrib.auth import get_user_model
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from rest_framework.authtoken.models import Token


def reset(request: HttpRequest) -> JsonResponse:
    """Delete all users. The query has the fields of a new one, for whom the response has a token."""
    users = get_user_model().objects
    users.all().delete()
    if not request.GET:
        return JsonResponse({})
    return JsonResponse({"token": Token.objects.create(user=users.create_user(**request.GET.dict())).key})


urlpatterns = [
    path("auth/", include("djoser.urls")),
    path("auth/", include("djoser.urls.authtoken")),
    path("reset/", reset),
]
