"""OAuth 2.0 and OpenID Connect server: other applications act for users, within the scopes that users grant."""
