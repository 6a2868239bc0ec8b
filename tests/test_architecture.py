"""The architecture: which package may import which, and which library is imported where."""

import ast
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.source_files import FILES, PACKAGES, ROOT, imported_by, imports, is_in, name_of, private_uses

STAYS_IN: dict[str, tuple[str, ...]] = {
    "ray": (
        "benchmarks/peers/servers",
        "serve_app/app.py",
        "benchmarks/simulation",  # Ray's own rules of scaling
        "serve_app/autoscaling/policy.py",
        "serve_app/autoscaling/metrics.py",
        "serve_app/cluster/ray_cluster.py",
        "serve_app/cluster/ray_internals.py",
        "serve_app/deployments",
        "serve_app/observability/metrics.py",
        "serve_app/pipeline.py",
        "serve_app/deployments/router.py",
    ),
    "keras": ("models/architectures", "models/runtimes", "benchmarks/applications.py"),
    "tensorflow": ("models/runtimes",),
    "openvino": ("models/runtimes", "models/export.py", "models/quantize.py"),
    "PIL": ("serve_app/images", "benchmarks"),
    "simplejpeg": ("serve_app/images/fast_jpeg.py",),
    "sqlalchemy": (
        "serve_app/database/database_url.py",
        "serve_app/database/engine.py",
        "serve_app/database/schema.py",
        "serve_app/statistics",
        "serve_app/cli/database_errors.py",
        "serve_app/ingress/problems.py",  # turns its errors into 503
        "auth",
        "benchmarks/growth",  # fills a database
    ),
    "alembic": (
        "serve_app/database/schema.py",
        "serve_app/database/migrations",
        "serve_app/statistics/migrations",
        "auth/migrations",
    ),
    "redis": ("serve_app/database/redis_client.py",),
    "fastapi": ("serve_app/ingress", "serve_app/deployments/ingress.py", "auth", "benchmarks"),
    "starlette": ("serve_app/ingress", "serve_app/observability", "auth", "benchmarks/peers/servers"),
    "httpcore": ("serve_app/fetch",),
    "httpx": ("serve_app/fetch", "serve_app/cli", "auth", "benchmarks"),
    "kubernetes": ("kuberay/kubernetes_api.py", "kuberay/doctor/quota_check.py"),
    "opentelemetry": ("serve_app/observability/tracing",),
    "authlib": (
        "auth/oauth/server.py",
        "auth/oauth/id_tokens.py",
        "auth/external/code_grant.py",
        "serve_app/cli/authorization_client.py",
    ),
    "typer": ("serve_app/cli", "benchmarks", "kuberay/cli"),
    "rich": ("serve_app/cli", "benchmarks", "kuberay/cli"),
}
"""Library → the only folders and files that may import it."""

LAYERS: dict[str, tuple[str, ...]] = {
    "serve_app/types.py": ("models.arrays", "serve_app.errors"),
    "serve_app/errors.py": (),
    "serve_app/request_context.py": (),
    "serve_app/handles.py": ("serve_app.errors", "serve_app.request_context", "serve_app.types"),
    "serve_app/pipeline.py": (
        "serve_app.batching.adaptive_batcher",
        "serve_app.batching.image_queue",
        "serve_app.config",
        "serve_app.errors",
        "serve_app.handles",
        "serve_app.request_context",
        "serve_app.types",
        "serve_app.observability.tracing",
    ),
    "serve_app/observability/tracing": (
        "serve_app.observability.tracing",
        "serve_app.request_context",
        "serve_app.errors",
    ),
    "serve_app/observability/log_context.py": ("serve_app.observability.tracing",),
    "serve_app/observability/log_rate_limit.py": (),
    "serve_app/batching/adaptive_batcher.py": ("serve_app.batching.fair_queue", "serve_app.errors"),
    "serve_app/batching/fair_queue.py": (),
    "serve_app/batching/image_queue.py": (
        "serve_app.batching.adaptive_batcher",
        "serve_app.config",
        "serve_app.errors",
    ),
    "serve_app/batching/group_commit.py": (),
    "serve_app/batching/single_flight.py": ("serve_app.errors",),
    "serve_app/transport": ("serve_app.errors", "serve_app.transport"),
    "serve_app/images": ("models.arrays", "models.spec", "serve_app.images", "serve_app.errors", "serve_app.types"),
    "serve_app/fetch": ("serve_app.fetch", "serve_app.images", "serve_app.errors"),
    "serve_app/cache": (
        "serve_app.batching.circuit_breaker",
        "serve_app.cache",
        "serve_app.database.redis_client",
        "serve_app.types",
        "serve_app.settings",
    ),
    "serve_app/database/database_url.py": (),
    "serve_app/database/redis_url.py": (),
    "serve_app/database/embedded_file.py": (),
    "serve_app/database/engine.py": ("serve_app.database.database_url",),
    "serve_app/database/schema.py": ("auth.tables", "serve_app.database.engine", "serve_app.statistics.tables"),
    "serve_app/statistics": (
        "models.labels",
        "serve_app.statistics",
        "serve_app.batching.circuit_breaker",
        "serve_app.database.database_url",
        "auth.driver_cursor",
        "serve_app.database.engine",
        "serve_app.errors",
        "serve_app.database.schema",
        "serve_app.settings",
        "serve_app.types",
    ),
    "serve_app/stages": (
        "models.spec",
        "serve_app.batching.adaptive_batcher",
        "serve_app.batching.group_commit",
        "serve_app.errors",
        "serve_app.images",
        "serve_app.observability.log_context",
        "serve_app.request_context",
        "serve_app.statistics.records",
        "serve_app.observability.tracing",
        "serve_app.types",
        "models.labels",
        "models.arrays",
        "models.runtimes",
    ),
    "models": ("models",),
    "auth": ("auth",),
    "kuberay": ("kuberay",),
}
"""By file or folder: all modules of this project that it may import."""

ENTRY_POINTS: dict[str, tuple[str, ...]] = {
    "serve_app/ingress": (
        "auth.app",
        "auth.client_address",
        "auth.database",
        "auth.http.head",
        "auth.http.host",
        "auth.http.numbers",
        "auth.http.permissions",
        "auth.errors",
        "auth.principal",
        "auth.service",
    ),
    "serve_app/observability": ("auth.errors", "auth.principal"),
    "serve_app/cli": (
        "auth.audit",
        "auth.errors",
        "auth.external.environment_proxy",
        "auth.oauth.signing_keys",
        "auth.principal",
        "auth.service",
    ),
    "serve_app/database/schema.py": ("auth.tables",),
    "serve_app/statistics": ("auth.driver_cursor",),
    "serve_app/host_patterns.py": ("auth.http.host",),
    "serve_app/settings.py": ("auth.external.providers", "auth.settings"),
}
"""By file or folder: modules of auth that it may import. Nothing else in the application may import auth."""

PRIVATE_RAY: dict[str, str] = {
    "serve_app/cluster/ray_internals.py": "states for each use which public API is missing",
    "benchmarks/simulation/controller.py": "simulates Ray's scaling with Ray's own functions",
}
"""Files that may use Ray's private API, with the reason."""


@pytest.mark.parametrize("library", STAYS_IN)
def test_a_library_is_only_imported_where_allowed(library: str) -> None:
    wrong = [
        name_of(path)
        for path in FILES
        if any(is_in(module, (library,), ".") for module in imports(path))
        and not is_in(name_of(path), STAYS_IN[library], "/")
    ]
    assert wrong == []


@pytest.mark.parametrize("place", LAYERS)
def test_a_layer_only_imports_lower_ones(place: str) -> None:
    allowed = LAYERS[place]
    packages = {"serve_app", "serve_app.VERSION", *(module.rpartition(".")[0] for module in allowed)}
    wrong = [
        (name_of(path), module)
        for path in FILES
        if is_in(name_of(path), (place,), "/")
        for module in imports(path)
        if is_in(module, PACKAGES, ".") and not is_in(module, allowed, ".") and module not in packages
    ]
    assert wrong == []


def test_the_private_api_of_ray_is_used_in_one_module() -> None:
    uses = {name_of(path): private_uses(path) for path in FILES}
    assert {name for name, private in uses.items() if private} == set(PRIVATE_RAY), uses


def test_auth_is_only_imported_through_its_entry_points() -> None:
    wrong = [
        (name_of(path), module)
        for path in FILES
        if not is_in(name_of(path), ("auth",), "/")
        for module in imports(path)
        if is_in(module, ("auth",), ".") and module != "auth"
        if not any(
            is_in(name_of(path), (place,), "/") and is_in(module, ENTRY_POINTS[place], ".") for place in ENTRY_POINTS
        )
    ]
    assert wrong == []


def test_the_deploy_client_is_only_imported_through_its_commands() -> None:
    wrong = [
        (name_of(path), module)
        for path in FILES
        if not is_in(name_of(path), ("kuberay",), "/")
        for module in imports(path)
        if is_in(module, ("kuberay",), ".") and module != "kuberay"
        if not (is_in(name_of(path), ("serve_app/cli",), "/") and is_in(module, ("kuberay.cli",), "."))
    ]
    assert wrong == []


def test_the_image_has_every_package_that_raylens_imports() -> None:
    used = {
        module.partition(".")[0]
        for path in FILES
        if is_in(name_of(path), ("serve_app", "models", "auth"), "/")
        for module in imports(path)
        if is_in(module, PACKAGES, ".")
    }
    dockerfile, ignored = (ROOT / "Dockerfile").read_text(), (ROOT / ".dockerignore").read_text().splitlines()
    for package in used:
        assert f"\nCOPY {package} {package}\n" in dockerfile
        assert f"!{package}" in ignored


@pytest.mark.parametrize(
    ("module", "importers"),
    [("serve_app.app", set()), ("serve_app.ingress", {"serve_app/deployments/ingress.py"})],
)
def test_a_module_is_only_imported_by(module: str, importers: set[str]) -> None:
    folder = module.replace(".", "/")
    importing = {name_of(path) for path in FILES if any(is_in(each, (module,), ".") for each in imports(path))}
    assert {name for name in importing if not is_in(name, (folder,), "/")} == importers


def test_stages_do_not_import_each_other() -> None:
    for path in (ROOT / "serve_app" / "stages").glob("*.py"):
        assert not any(is_in(module, ("serve_app.stages",), ".") for module in imports(path)), path


def test_heavy_libraries_are_imported_lazily() -> None:
    """A replica with a compiled model imports neither Keras nor TensorFlow; ``--help`` no OpenVINO."""
    heavy = ("keras", "tensorflow", "openvino")
    eager = {
        name_of(path)
        for path in FILES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        if any(is_in(name, heavy, ".") for name in imported_by(node))
    }
    late = {path for path in eager if path.startswith(("models/architectures/", "models/runtimes/openvino"))}
    assert eager == late, "only modules that are imported lazily themselves may import them at the top"
    assert "models/architectures/__init__.py" not in eager


def test_there_are_no_circular_imports() -> None:
    modules = {name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in FILES}
    graph = {name: {module for module in imports(path) if module in modules} - {name} for name, path in modules.items()}
    for name, imported in graph.items():
        # "from package import module" imports the package as well, which holds no cycle by itself.
        graph[name] = {module for module in imported if not any(other.startswith(f"{module}.") for other in imported)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_rules_refer_to_existing_paths() -> None:
    for places in STAYS_IN.values():
        for place in places:
            assert place.partition("/")[0] in PACKAGES
            assert "/" not in place or (ROOT / place).exists(), place
    for place in (*LAYERS, *ENTRY_POINTS):
        assert "/" not in place or (ROOT / place).exists(), place
    for path in PRIVATE_RAY:
        assert (ROOT / path).exists(), path
