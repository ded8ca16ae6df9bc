"""Imports go down only: between the top-level folders, between the layers of `chat/`, and never in a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = {"web", "workers", "beat", "chat", "config", "dev", "tests", "bench"}
MAY_IMPORT = {
    "config": {"config"},
    "chat": {"chat", "config"},
    "web": {"web", "chat", "config"},
    "beat": {"beat", "chat", "config"},
    "workers": {"workers", "beat", "chat", "config"},  # beat is the table of their periodic tasks
    "dev": {"dev", "config"},
}
FRAMEWORKS = ("flask", "celery", "gevent", "gunicorn")
FRAMEWORK_FREE = ("chat", "config")
MAY_USE_FRAMEWORKS = {"config/gunicorn.py", "config/redaction.py"}

# Each layer of `chat/` uses only those before it.
LAYERS = ("", "text", "media", "store", "audio", "people", "push", "messages", "voice", "upkeep")
CONSTRUCT = ("web/app.py", "workers/app.py")  # only these construct what the processes use


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, anywhere in it; for `from a import b` both `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its direction"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def files(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def violations(package: str) -> Iterator[str]:
    for path in files(package):
        name = path.relative_to(ROOT).as_posix()
        for module in imported(path):
            top = module.partition(".")[0]
            if top in OURS and top not in MAY_IMPORT[package]:
                yield f"{name} imports {module}"
            framework = top.startswith(FRAMEWORKS)
            if package in FRAMEWORK_FREE and framework and name not in MAY_USE_FRAMEWORKS:
                yield f"{name} imports {module}"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> int:
    """The layer of a module of `chat`; the files directly in it are the lowest layer."""
    second = [*module.split("."), "", ""][1]
    return LAYERS.index(second) if second in LAYERS else 0


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    assert list(violations(package)) == []


def test_each_layer_of_the_domain_uses_only_those_below_it() -> None:
    wrong = [
        f"{module_of(path)} imports {module}"
        for path in files("chat")
        for module in imported(path)
        if module.startswith("chat.") and layer_of(module) > layer_of(module_of(path))
    ]
    assert wrong == []
    folders = {folder.name for folder in (ROOT / "chat").iterdir() if (folder / "__init__.py").exists()}
    assert folders == set(LAYERS[1:])


def test_no_modules_import_each_other_in_a_circle() -> None:
    paths = files(*MAY_IMPORT)
    modules = {module_of(path) for path in paths}
    graph = {module_of(path): {module for module in imported(path) if module in modules} for path in paths}
    for module, needed in graph.items():
        needed.discard(module)
        needed -= {package for package in needed if module.startswith(f"{package}.")}  # one's own package
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_only_the_two_applications_open_the_connections_of_a_process() -> None:
    callers = {
        path.relative_to(ROOT).as_posix()
        for path in files("web", "workers", "beat", "chat")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "connect"
    }
    assert callers == set(CONSTRUCT)


def test_the_check_sees_a_wrong_import(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import os\n\ndef f():\n    from flask import g\n    import web.app as app\n")
    assert list(imported(wrong)) == ["os", "flask", "flask.g", "web.app"]
