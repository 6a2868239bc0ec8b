"""Replicas listen for calls of other replicas at the address of their node, not on all interfaces."""

import pytest
import ray
from ray.serve._private import replica

from serve_app.cluster.ray_internals import listen_on_node_address


@pytest.mark.parametrize(("node", "expected"), [("127.0.0.1", "127.0.0.1:0"), ("2001:db8::7", "[2001:db8::7]:0")])
def test_replicas_listen_where_others_call_them(monkeypatch: pytest.MonkeyPatch, node: str, expected: str) -> None:
    addresses: list[str] = []
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: node)
    monkeypatch.setattr(replica, "add_port_to_grpc_server", lambda _server, address: addresses.append(address))
    listen_on_node_address()
    replica.add_port_to_grpc_server(None, "[::]:0")  # as Serve does
    assert addresses == [expected]
