"""Sign-in with others: OpenID Connect providers and GitHub say who somebody is, and that one has an account here."""
