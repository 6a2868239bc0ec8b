"""Real MariaDB and Redis servers, private to one test session: own data folder, own port, nothing left behind."""
