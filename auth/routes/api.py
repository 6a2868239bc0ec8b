"""The JSON API of accounts under ``/api/v1``, which the web app uses."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends

from auth.routes.account import account_routes
from auth.routes.activity import activity_routes
from auth.routes.admin_audit import admin_audit_routes
from auth.routes.admin_clients import admin_client_routes
from auth.routes.admin_users import admin_user_routes
from auth.routes.apps import app_routes
from auth.routes.devices import device_routes
from auth.routes.export import export_routes
from auth.routes.keys import key_routes
from auth.routes.schemas import MAX_BODY_BYTES, no_store
from auth.routes.session import session_routes
from auth.routes.sessions import sessions_routes

if TYPE_CHECKING:
    from auth.service import Auth


def api_routes(auth: "Auth") -> APIRouter:
    """``/v1/session``, ``/v1/account…``, ``/v1/admin…``."""
    router = APIRouter(dependencies=[Depends(no_store)], max_body_size=MAX_BODY_BYTES)
    for routes in (
        session_routes,
        account_routes,
        export_routes,
        activity_routes,
        sessions_routes,
        key_routes,
        app_routes,
        device_routes,
        admin_user_routes,
        admin_client_routes,
        admin_audit_routes,
    ):
        router.include_router(routes(auth))
    return router
