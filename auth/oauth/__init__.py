"""The OAuth 2 and OpenID Connect server: applications of others act for a user, as far as the user lets them."""
