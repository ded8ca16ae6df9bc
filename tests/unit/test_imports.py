"""Imports go one way: web, workers and beat -> chat -> config."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = {"web", "workers", "beat", "chat", "config", "dev", "tests", "bench"}
MAY_IMPORT = {
    "config": {"config"},
    "chat": {"chat", "config"},
    "web": {"web", "chat", "config"},
    "workers": {"workers", "beat", "chat", "config"},  # workers/app.py constructs, and takes beat's schedule and tasks
    "beat": {"beat", "workers", "chat", "config"},
    "dev": {"dev", "config"},
}
FRAMEWORKS = ("flask", "celery", "gevent", "gunicorn")
FRAMEWORK_FREE = ("chat", "config")
MAY_USE_FRAMEWORKS = {"config/gunicorn.py", "config/discretion.py"}


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its direction"
            yield node.module or ""


def violations(package: str) -> Iterator[str]:
    for path in sorted((ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for module in imported(path):
            top = module.partition(".")[0]
            if top in OURS and top not in MAY_IMPORT[package]:
                yield f"{name} imports {module}"
            framework = top.startswith(FRAMEWORKS)
            if package in FRAMEWORK_FREE and framework and name not in MAY_USE_FRAMEWORKS:
                yield f"{name} imports {module}"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    assert list(violations(package)) == []


def test_the_check_sees_a_wrong_import(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import os\n\ndef f():\n    from flask import g\n    import web.app as app\n")
    assert list(imported(wrong)) == ["os", "flask", "web.app"]
