"""Adds the routes of this package to the application."""

from fastapi import FastAPI

from auth.routes.api import api_routes
from auth.routes.djoser import djoser_routes
from auth.routes.external_sign_in import external_routes, link_routes
from auth.routes.oauth import oauth_routes
from auth.service import Auth


def include_auth(app: FastAPI, auth: Auth) -> None:
    """Add the routes, and set the application state that the dependencies of all routes use."""
    app.state.authenticator = auth.authenticator
    app.state.auth = auth
    djoser = djoser_routes(auth)
    app.include_router(djoser, prefix="/api")
    app.include_router(djoser, include_in_schema=False)
    app.include_router(api_routes(auth), prefix="/api")
    app.include_router(link_routes(auth), prefix="/api")
    app.include_router(external_routes(auth))
    app.include_router(oauth_routes(auth))
