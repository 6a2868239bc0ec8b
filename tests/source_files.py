"""The source files of the project, and what they import and define."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("serve_app", "models", "auth", "kuberay", "benchmarks")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def imports(path: Path) -> frozenset[str]:
    """All modules that a file imports, also within functions; ``from a import b`` is both ``a`` and ``a.b``."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return frozenset(
        name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for name in imported_by(node)
    )


def imported_by(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    assert node.level == 0, "relative imports are not allowed"
    assert node.module
    yield node.module
    yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(module_or_path: str, places: tuple[str, ...], separator: str) -> bool:
    return any(module_or_path == place or module_or_path.startswith(place + separator) for place in places)


def private_uses(path: Path) -> list[str]:
    """Private names of Ray that a file imports, and private attributes and arguments that it uses besides its own."""
    if not any(is_in(module, ("ray",), ".") for module in imports(path)):
        return []
    uses = [module for module in imports(path) if is_in(module, ("ray",), ".") and "._" in module]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and ast.unparse(node.value) not in {"self", "cls"}:
            uses.append(ast.unparse(node))
        elif isinstance(node, ast.keyword) and is_private(node.arg or ""):
            uses.append(f"{node.arg}=")
    return uses


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def public_names(path: Path) -> set[str]:
    """The public classes, functions and constants that a file defines at its top level."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not is_exempt(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return {name for name in names if not name.startswith("_")}


def is_exempt(value: ast.expr | None) -> bool:
    """Whether a name of this value may be defined in several files: type variables, loggers and Typer applications."""
    exempt = {"TypeVar", "ParamSpec", "Typer", "get_logger", "getLogger"}
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in exempt
