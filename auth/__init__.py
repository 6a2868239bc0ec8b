"""Users, sessions, tokens: not here yet; every caller is anonymous."""
