"""The private ports of a service."""

import random
import socket

import pytest

from serve_app.cluster import port_block
from serve_app.cluster.port_block import NoFreePorts, PortBlock


@pytest.fixture
def one_block(monkeypatch: pytest.MonkeyPatch) -> int:
    """Only two blocks exist, the first of which is tried first. Returns its first port."""
    with PortBlockOf() as first:
        pass
    monkeypatch.setattr(port_block, "_FIRST", first)
    monkeypatch.setattr(port_block, "_LAST", first + 200)
    monkeypatch.setattr(random, "shuffle", lambda _blocks: None)
    return first


class PortBlockOf:
    """The first port of two adjacent free blocks."""

    def __enter__(self) -> int:
        while True:
            block = PortBlock()
            block.close()
            if all(port_block.is_free(block.first + offset) for offset in range(108)):
                return block.first

    def __exit__(self, *_: object) -> None:
        pass


def test_two_services_have_different_ports(one_block: int) -> None:
    first, second = PortBlock(), PortBlock()
    assert (first.first, second.first) == (one_block, one_block + 100)
    assert not set(first.flags().values()) & set(second.flags().values())
    with pytest.raises(NoFreePorts, match="none of the ports"):
        PortBlock()
    first.close()
    third = PortBlock()
    assert third.first == one_block
    third.close()
    second.close()


def test_the_port_of_the_service_is_not_in_the_block(one_block: int) -> None:
    block = PortBlock(one_block + 50)
    assert block.first == one_block + 100
    block.close()


def test_a_block_with_a_port_in_use_is_skipped(one_block: int) -> None:
    with socket.create_server(("127.0.0.1", one_block + 3)):
        block = PortBlock()
    assert block.first == one_block + 100
    block.close()


def test_ports_that_another_program_takes_later() -> None:
    block = PortBlock()
    assert block.taken() == []
    with socket.create_server(("", block.ray_metrics_port)):
        assert block.taken() == [block.ray_metrics_port]
    block.close()
