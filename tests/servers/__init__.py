"""Real MariaDB, Redis and Prometheus servers, private to one test process, on free ports and temporary folders."""
