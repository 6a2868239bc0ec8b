"""Redis URLs: one line for those that cannot work, and a connection for the others."""

from urllib.parse import quote

import pytest
from redis.asyncio import Redis as Client

from serve_app.database.redis_client import RedisClient
from serve_app.database.redis_url import check_redis_url
from tests.servers.redis import Redis

PASSWORDS = ["plain", "p@:/%#?& s", "pä߀🐈日本"]


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "redis://cache:6379/15",
        "redis://:p%40%3A%2F%25%23%3F@cache/0",
        "redis://äda:pä🐈@cache",
        "redis://[::1]:6379/0",
        "rediss://cache/0?ssl_cert_reqs=none",
        "unix:///run/redis/with%20space.sock?db=2",
        " redis://cache/ ",
    ],
)
def test_a_url_that_redis_accepts(url: str) -> None:
    pool = Client.from_url(check_redis_url(url)).connection_pool
    assert pool.connection_class(**pool.connection_kwargs)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("cache:6379", "starts with"),
        ("http://cache", "starts with"),
        ("redis:/cache", "starts with"),
        ("redis://:top#secret@cache/0", "%23"),
        ("redis://:top/secret@cache/0", "%2F"),
        ("redis://:top?secret@cache/0", "%3F"),
        ("redis://cache:0", "malformed"),
        ("redis://cache:99999", "malformed"),
        ("redis://cache:x", "malformed"),
        ("redis://cache/first", "database"),
        ("redis://cache/-1", "database"),
        ("redis://cache?db=x", "db"),
        ("redis://cache?ssl_cert_reqs=none", "unknown"),
        ("redis://cache?foo=topsecret", "unknown"),
        ("unix://", "socket"),
    ],
)
def test_a_redis_url_that_cannot_work_is_one_line_without_the_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match="Redis URL") as raised:
        check_redis_url(url)
    assert words in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_passwords_in_any_script_sign_in(redis_server: Redis) -> None:
    for number, password in enumerate(PASSWORDS):
        async with Client.from_url(redis_server.url) as admin:
            await admin.acl_setuser(f"üser{number}", enabled=True, passwords=[f"+{password}"], categories=["+@all"])
        user = f"{quote(f'üser{number}')}:{quote(password, safe='')}"
        client = RedisClient(redis_server.url.replace("redis://", f"redis://{user}@"), "test", timeout_s=5)
        assert await client.execute("PING") in {b"PONG", True}
        await client.close()
