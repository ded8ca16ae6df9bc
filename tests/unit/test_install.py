"""If the embedded servers cannot run, a newcomer is told why and what to do instead."""

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from dev import bootstrap as bootstrap_module
from dev import install, requirements
from dev.system import CHROMIUM, ensure_program, find_program
from tests.stack import ROOT, clean_environment
from tests.wheelhouse import make_source_archive, make_wheel, pinned, wheel_of_installed


@pytest.mark.parametrize("find", [install.redis_folder, install.mongod_binary])
def test_another_processor(monkeypatch: pytest.MonkeyPatch, find) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(SystemExit, match=r"riscv64(.|\n)*docker compose up(.|\n)*REDIS_URL(.|\n)*MONGODB_URI"):
        find()


def test_an_old_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.31"))
    with pytest.raises(SystemExit, match=r"glibc 2\.34"):
        install.redis_folder()


HERE = install.Platform("linux", "x86_64", (2, 36))
MAC = install.Platform("darwin", "arm64", (14, 5))


@pytest.mark.parametrize(
    ("where", "platform_tag"), [(HERE, "manylinux_2_38_x86_64"), (MAC, "macosx_14_0_arm64")], ids=["Linux", "macOS"]
)
def test_each_platform_has_its_own_build(where: install.Platform, platform_tag: str) -> None:
    for server in ("Redis", "MongoDB"):
        install.check_platform(server, where)
    assert platform_tag in install.redis_tool(where).get
    marker = {"sys_platform": where.system, "platform_machine": where.machine}
    direct = [each.requirement for each in requirements.direct("dev") if each.requirement.name.startswith("fiftyone")]
    assert len([each for each in direct if each.marker and each.marker.evaluate(marker)]) == 1


@pytest.mark.parametrize(
    ("where", "server", "why"),
    [
        (HERE._replace(machine="aarch64"), "Redis", "no build of Redis Stack for Linux on aarch64"),
        (HERE._replace(machine="aarch64"), "MongoDB", "OpenSSL 1.1"),
        (MAC._replace(machine="x86_64"), "Redis", "not darwin on x86_64"),
        (MAC._replace(version=(13, 6)), "Redis", "macOS 14 or newer"),
        (HERE._replace(version=()), "MongoDB", "glibc 2.34 or newer"),
        (install.Platform("win32", "AMD64", ()), "MongoDB", "not win32 on AMD64"),
    ],
)
def test_where_there_is_no_build_one_sentence_says_so_and_what_to_do(
    where: install.Platform, server: str, why: str
) -> None:
    with pytest.raises(install.CannotEmbed) as error:
        install.check_platform(server, where)
    reason, advice = str(error.value).splitlines()
    assert why in reason
    assert "docker compose up" in advice
    assert "REDIS_URL" in advice


def test_installed_once(capfd: pytest.CaptureFixture[str]) -> None:
    install.redis_folder()
    capfd.readouterr()
    assert (install.redis_folder() / "bin" / "redis-server").exists()
    assert capfd.readouterr().out == ""


def test_docker_compose_is_the_one_of_the_archive_and_was_not_built() -> None:
    """Building it would fetch the newest sources with git."""
    program = install.compose_program()
    said = subprocess.run([program, "version", "--short"], capture_output=True, text=True, timeout=60, check=True)
    (pin,) = requirements.pins(install.COMPOSE.file)
    assert said.stdout.strip().removeprefix("v") == pin.version
    assert not list(program.parent.glob("*.dist-info"))


def test_a_missing_program_that_cannot_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="apt-get install chromium"):
        ensure_program("chromium", *CHROMIUM)


@pytest.mark.parametrize("name", CHROMIUM)
def test_any_chromium_that_is_there_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ensure_program("chromium", *CHROMIUM)
    assert find_program(*CHROMIUM) == str(tmp_path / name)


def fresh_copy(folder: Path) -> Path:
    """Copies what is needed to make .venv."""
    copy = folder / "copy"
    shutil.copytree(ROOT / "requirements", copy / "requirements")
    (copy / "dev").mkdir()
    (copy / "web").mkdir()
    (copy / "web" / "app.py").write_text("import packaging\n")
    for name in ("requirements.txt", "dev/__init__.py", "dev/bootstrap.py", "dev/requirements.py"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    return copy


def test_bootstrap_does_nothing_when_nothing_changed(tmp_path: Path) -> None:
    copy = fresh_copy(tmp_path)
    script = [sys.executable, str(copy / "dev" / "bootstrap.py")]
    fingerprint = subprocess.run(
        [sys.executable, "-c", "import bootstrap; print(bootstrap.fingerprint())"],
        cwd=copy / "dev",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (copy / ".venv").mkdir()
    (copy / ".venv" / ".installed").write_text(f"{copy}\n{fingerprint}\n")
    unchanged = subprocess.run(script, capture_output=True, text=True, check=True)
    assert (unchanged.stdout, unchanged.stderr) == ("", "")


def bootstrap(copy: Path, index: Path) -> subprocess.CompletedProcess:
    """Runs the bootstrap like a newcomer, with this folder as the only index."""
    return subprocess.run(
        [sys.executable, str(copy / "dev" / "bootstrap.py")],
        env={**clean_environment(), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def write(copy: Path, name: str, *wheels: Path) -> None:
    """Makes a compiled file list just these wheels."""
    (copy / "requirements" / f"{name}.txt").write_text("".join(map(pinned, wheels)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A copy after a whole run with an index of our own, of pip, uv, packaging and empty packages; and that index."""
    folder = tmp_path_factory.mktemp("bootstrap")
    copy, index = fresh_copy(folder), folder / "index"
    write(copy, "pip", wheel_of_installed(index, "pip"))
    write(copy, "uv", wheel_of_installed(index, "uv"))
    write(copy, "dev", wheel_of_installed(index, "packaging"))
    write(copy, "base", make_wheel(index, "changing", "1.0"), make_wheel(index, "leaving", "1.0"))
    for name in ("flower", "speech", "tracing"):
        write(copy, name)
    ran = bootstrap(copy, index)
    assert ran.returncode == 0, ran.stderr
    return copy, index


def installed(copy: Path) -> set[str]:
    """The packages in .venv with their versions, as in `changing-1.0`."""
    (site,) = (copy / ".venv" / "lib").glob("python*/site-packages")
    return {path.name.removesuffix(".dist-info") for path in site.glob("*.dist-info")}


def test_bootstrap_refuses_what_has_another_hash_or_none(made: tuple[Path, Path]) -> None:
    copy, index = made
    listed, stamp = copy / "requirements" / "pip.txt", copy / ".venv" / ".installed"
    make_wheel(index, "pip", "99.0")
    before = listed.read_text()
    stamp.unlink()
    refusals = {f" --hash=sha256:{'0' * 64}": "DO NOT MATCH THE HASHES", "": "Hashes are required"}
    for options, refusal in refusals.items():
        listed.write_text(f"pip==99.0{options}\n")
        ran = bootstrap(copy, index)
        assert ran.returncode != 0
        assert refusal in ran.stderr
        assert "Could not install the requirements" in ran.stderr
        assert not stamp.exists(), "the next run tries again"
    listed.write_text(before)


def test_bootstrap_brings_an_older_venv_to_exactly_what_is_written(made: tuple[Path, Path]) -> None:
    copy, index = made
    assert {each.partition("-")[0] for each in installed(copy)} == {"pip", "uv", "packaging", "changing", "leaving"}
    write(copy, "base", make_wheel(index, "changing", "2.0"))
    after = bootstrap(copy, index)
    assert after.returncode == 0, after.stderr
    ours = {f"{name}-{version(name)}" for name in ("pip", "uv", "packaging")}
    assert installed(copy) == {*ours, "changing-2.0"}, "nothing that came with the interpreter either"
    (module,) = (copy / ".venv" / "lib").glob("python*/site-packages/packaging/__init__.py")
    assert Path(cache_from_source(str(module))).exists(), "what the programs import is compiled"
    assert bootstrap(copy, index).stdout == ""


def test_bootstrap_installs_with_uv_and_where_that_fails_with_pip(made: tuple[Path, Path]) -> None:
    copy, index = made
    (site,) = (copy / ".venv" / "lib").glob("python*/site-packages")
    uv = copy / ".venv" / "bin" / "uv"
    program = uv.read_bytes()
    write(copy, "base", make_wheel(index, "changing", "3.0"))
    assert bootstrap(copy, index).returncode == 0
    assert (site / "changing-3.0.dist-info" / "INSTALLER").read_text().strip() == "uv"
    uv.write_text("#!/bin/sh\nexit 2\n")
    write(copy, "base", make_wheel(index, "changing", "4.0"))
    assert bootstrap(copy, index).returncode == 0
    assert (site / "changing-4.0.dist-info" / "INSTALLER").read_text().strip() == "pip"
    uv.write_bytes(program)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"PIP_INDEX_URL": "https://an.index/simple"}, {"UV_DEFAULT_INDEX": "https://an.index/simple"}),
        ({"PIP_FIND_LINKS": "one two", "PIP_CERT": "/a.pem"}, {"UV_FIND_LINKS": "one,two", "SSL_CERT_FILE": "/a.pem"}),
        ({"PIP_NO_INDEX": "1", "UV_NO_INDEX": "0"}, {}),  # whoever tells uv itself means uv
        ({"PIP_TIMEOUT": "3"}, {}),
    ],
)
def test_uv_finds_packages_where_pip_was_told_to(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], read: dict[str, str]
) -> None:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_")) or name == "SSL_CERT_FILE"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bootstrap_module, "VENV", Path(sys.prefix))
    assert bootstrap_module.options_of_pip() == {"UV_INDEX_STRATEGY": "unsafe-best-match", **read}


@pytest.mark.parametrize("program", ["redis_folder", "compose_program"])
def test_a_program_with_another_hash_is_refused(tmp_path: Path, program: str) -> None:
    """Something else is offered under its name and version."""
    index, tools = tmp_path / "index", tmp_path / "tools"
    for tool in (*install.TOOLS_APART, install.redis_tool(HERE)):
        (pin,) = requirements.pins(tool.file)
        make_wheel(index, pin.name, pin.version, "py3-none-manylinux_2_38_x86_64")
        make_source_archive(index, pin.name, pin.version)
    code = (
        f"from pathlib import Path; from dev import install; install.TOOLS = Path({str(tools)!r}); install.{program}()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**clean_environment(), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode != 0
    assert "DO NOT MATCH THE HASHES" in ran.stderr
    assert list(tools.glob("*")) == []


def test_every_call_of_pip_in_our_commands_checks_hashes() -> None:
    files = [ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    files += [*(ROOT / "docs").rglob("*.md"), *(ROOT / ".ci").iterdir()]
    text = {file: re.sub(r"\\\n\s*", " ", file.read_text()) for file in files}
    calls = [line for each in text.values() for line in each.splitlines() if re.search(r"\bpip( .*)? install\b", line)]
    assert len(calls) >= 5, "the Makefile's, the Dockerfile's and the documents'"
    assert [line for line in calls if "--require-hashes" not in line] == []
