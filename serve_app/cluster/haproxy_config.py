"""HAProxy's configuration: what Raylens changes in the one that Ray Serve writes.

Ray's configuration has one address for clients and replicas, no limits for slow or many connections, and opens metrics
and statistics to all interfaces. Everything that is changed must be there: a version of Ray with another configuration
fails at the start, instead of running without protection.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, Self

from serve_app.cluster.connection_limits import ConnectionLimits, Timeouts, table_lines
from serve_app.cluster.haproxy_errors import PROTECTIVE_HEADERS, error_lines
from serve_app.proxy_token import PROXY_HEADER, proxy_token
from serve_app.secret_key import split_keys

OPTIONS: Final = "RAYLENS_HAPROXY_OPTIONS"
"""Environment variable with the options of :meth:`HAProxyOptions.to_json`."""
RESERVE: Final = 128
"""Connections besides those of clients: metrics, statistics."""
PER_ADDRESS: Final = 1024
"""Default of RAYLENS_CONNECTIONS_PER_ADDRESS."""
MAX_PIPES: Final = 64
"""Each moves a large body through the kernel without copying it; the others are copied."""
BUFFER_BYTES: Final = 1 << 30
"""Memory for what has been received and not yet been passed on. A connection with unfinished headers has a buffer."""
_LOOPBACK: Final = "127.0.0.1"
_MARK: Final = "# Edited by Raylens"
_SECTIONS: Final = ("global", "defaults", "frontend prometheus", "frontend http_frontend", "listen stats")
_KEYWORDS: Final = frozenset({"global", "defaults", "frontend", "backend", "listen"})


class UnknownConfiguration(ValueError):
    """Ray has written another configuration than expected; the message is one line."""


@dataclass(frozen=True, slots=True)
class HAProxyOptions:
    """What the configuration becomes. The defaults suit a cluster whose addresses Ray's configuration has right."""

    binds: tuple[str, ...] = ()
    """Addresses for clients, as HAProxy writes them; empty: as Ray configured."""
    private_metrics: bool = False
    """Whether HAProxy's metrics are for this machine only."""
    ray_metrics: tuple[int, int] = (0, 0)
    """(port on all interfaces, port on this machine) of Ray's metrics; zeros for none."""
    hops: int = 0
    """Trusted proxies in front."""
    per_address: int = PER_ADDRESS
    """Concurrent connections of one address; behind proxies, its concurrent requests. 0: unlimited."""
    token: str = field(default="", repr=False)
    """Tells the replicas that a request came through HAProxy; empty: they are not told."""
    exempt: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses without a limit of their own."""
    timeouts: Timeouts = field(default_factory=Timeouts)

    def to_json(self) -> str:
        """For the environment variable :data:`OPTIONS`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The options of a cluster that ``raylens serve`` has started; else the settings of the pod."""
        if text := environment.get(OPTIONS):
            values = json.loads(text)
            values |= {name: tuple(values[name]) for name in ("binds", "ray_metrics", "exempt")}
            return cls(**{**values, "timeouts": Timeouts(**values["timeouts"])})
        keys = split_keys(environment.get("RAYLENS_SECRET_KEY", ""))
        return cls(
            token=proxy_token(keys[0]) if keys else "",
            hops=int(environment.get("RAYLENS_FORWARDED_HOPS") or 0),
            per_address=int(environment.get("RAYLENS_CONNECTIONS_PER_ADDRESS") or PER_ADDRESS),
        )


def edited(text: str, options: HAProxyOptions, available: int) -> str:
    """Ray's configuration as Raylens needs it; unchanged if it has been edited before. Raises UnknownConfiguration.

    ``available``: connections of clients for which there are files; HAProxy does not start if more are configured.
    """
    if text.startswith(_MARK):
        return text
    sections = _split(text)
    for name in _SECTIONS:
        if name not in sections:
            raise UnknownConfiguration(f"Ray's configuration of HAProxy has no section “{name}”")
    connections = _edit_global(sections["global"], available)
    _edit_defaults(sections["defaults"], options)
    _edit_clients(sections["frontend http_frontend"], options, connections)
    _edit_metrics(sections["frontend prometheus"], options)
    _edit_statistics(sections["listen stats"])
    lines = [line for section in sections.values() for line in section]
    return "\n".join([_MARK, *lines, *table_lines(options.timeouts), *_ray_metrics(options)]) + "\n"


def _split(text: str) -> dict[str, list[str]]:
    """The lines of each section, by its first line."""
    sections: dict[str, list[str]] = {"": []}
    current = sections[""]
    for line in text.splitlines():
        if line.split(" ")[0] in _KEYWORDS:
            current = sections.setdefault(line.strip(), [])
        current.append(line)
    return sections


def _edit_global(lines: list[str], available: int) -> int:
    """Returns the connections of clients. Nobody but this user may control HAProxy.

    Ray's default sends a line for each request to port 514, with queries, which hold OAuth codes.
    """
    socket = _place(lines, "stats socket ")
    lines[socket] = lines[socket].replace(" mode 666 ", " mode 600 ")
    if " mode 600 " not in lines[socket]:
        raise UnknownConfiguration("Ray's configuration of HAProxy has another mode of its socket than expected")
    place = _place(lines, "maxconn ")
    connections = min(int(lines[place].split()[1]), available)
    lines[place] = f"    maxconn {connections + RESERVE}"
    _remove(lines, "log 127.0.0.1:514 ")
    buffer = int(lines[_place(lines, "tune.bufsize ")].split()[1])
    lines += _indented(f"tune.buffers.limit {BUFFER_BYTES // buffer}", f"maxpipes {MAX_PIPES}")
    return connections


def _edit_defaults(lines: list[str], options: HAProxyOptions) -> None:
    """HTTP/2 without TLS is disabled: each connection could have a hundred requests."""
    for prefix in ("timeout client ", "timeout http-request ", "timeout queue ", "errorfile "):
        _remove(lines, prefix)
    lines += _indented(*options.timeouts.lines(), "option disable-h2-upgrade", *error_lines())


def _edit_clients(lines: list[str], options: HAProxyOptions, connections: int) -> None:
    """The address of the client is appended to the header, and whatever serves the request is not named."""
    place = _place(lines, "bind ")
    binds = [f"bind {address}" for address in options.binds] or [lines[place].strip()]
    lines[place : place + 1] = _indented(
        *binds,
        "option forwardfor",
        *ConnectionLimits(connections, options.per_address, options.hops, options.exempt).lines(),
        *([f"http-request set-header {PROXY_HEADER} {options.token}"] if options.token else []),
        "http-response del-header Server",
        # For the responses of HAProxy and Ray Serve, since those of the replicas have them.
        *(
            f'http-after-response set-header {name} "{value}" unless {{ res.hdr({name}) -m found }}'
            for name, value in PROTECTIVE_HEADERS.items()
        ),
    )


def _edit_metrics(lines: list[str], options: HAProxyOptions) -> None:
    place = _place(lines, "bind :")
    port = lines[place].rpartition(":")[2]
    lines[place : place + 1] = _indented(
        f"bind {_LOOPBACK if options.private_metrics else ''}:{port}", f"maxconn {RESERVE // 2}"
    )


def _edit_statistics(lines: list[str]) -> None:
    place = _place(lines, "bind *:")
    port = lines[place].rpartition(":")[2]
    lines[place : place + 1] = _indented(f"bind {_LOOPBACK}:{port}", f"maxconn {RESERVE // 4}")


def _ray_metrics(options: HAProxyOptions) -> list[str]:
    public, private = options.ray_metrics
    if not public:
        return []
    lines = (f"bind :{public}", f"maxconn {RESERVE // 4}", f"server ray {_LOOPBACK}:{private}")
    return ["listen ray_metrics", *_indented(*lines)]


def _place(lines: list[str], prefix: str) -> int:
    """The index of the only line that begins so. Raises UnknownConfiguration."""
    found = [number for number, line in enumerate(lines) if line.strip().startswith(prefix)]
    if len(found) != 1:
        raise UnknownConfiguration(
            f"Ray's configuration of HAProxy has {len(found)} lines “{prefix.strip()} …” in “{lines[0].strip()}”"
        )
    return found[0]


def _remove(lines: list[str], prefix: str) -> None:
    lines[:] = [line for line in lines if not line.strip().startswith(prefix)]


def _indented(*lines: str) -> list[str]:
    return [f"    {line}" for line in lines]
