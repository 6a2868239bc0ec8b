"""The private servers keep their data across restarts and end with the process that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pymysql
import pytest
import redis
from sqlalchemy import create_engine, text

from tests.servers import process
from tests.servers.mariadb import MariaDB
from tests.servers.redis import Redis


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_mariadb_keeps_data_and_port_across_a_restart(mariadb: MariaDB, how: signal.Signals):
    engine = create_engine(mariadb.fresh_database())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a INT)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
    engine.dispose()
    mariadb.stop(how)
    assert not mariadb.answers()
    mariadb.start()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT a FROM t")) == 1
    engine.dispose()


def test_redis_keeps_data_and_port_across_a_restart(redis_server: Redis):
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("a", "1")
    redis_server.stop()
    assert not redis_server.answers()
    redis_server.start()
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("a") == b"1"


def test_a_frozen_server_does_not_answer(redis_server: Redis):
    redis_server.pause()
    try:
        assert not redis_server.answers()
    finally:
        redis_server.resume()
    assert redis_server.answers()


def test_a_killed_test_run_leaves_no_server(tmp_path: Path):
    script = (
        "import sys, time; from pathlib import Path; from tests.servers.redis import Redis\n"
        "server = Redis(Path(sys.argv[1])); server.start(); print(server.pid, flush=True); time.sleep(60)"
    )
    process.require("redis-server", "redis-server")
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        server = psutil.Process(int(run.stdout.readline()))
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the server outlived the run that started it"
        time.sleep(0.02)


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install no-such-package"):
        process.require("no-such-program", "no-such-package")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install no-such-package"):
        process.require("no-such-program", "no-such-package")


def test_databases_are_fresh_and_need_a_password(mariadb: MariaDB):
    assert mariadb.fresh_database() != mariadb.fresh_database()
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(host="127.0.0.1", port=mariadb.port, user="raylens", password="wrong")
