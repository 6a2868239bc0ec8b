"""Sign-in with external identity providers: OpenID Connect and GitHub."""
