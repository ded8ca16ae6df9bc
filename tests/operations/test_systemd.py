"""The units in docs/systemd/ run the same commands as the Procfile, as systemd reads them: without a shell."""

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.stack import ROOT, procfile

UNITS = ROOT / "docs" / "systemd"
HOME = Path("/opt/chattergram")
OURS = ("web", "worker", "transcriber", "pusher", "beat", "flower")
SEVERAL = ("worker", "transcriber")  # have a template, of which there may be many on one machine
MAX_EXPOSURE = 4.0


def unit_file(name: str) -> Path:
    return UNITS / f"chattergram-{name}{'@' * (name in SEVERAL)}.service"


class Unit(ConfigParser):
    """A unit file; a repeated name has its values on separate lines."""

    def __init__(self, name: str) -> None:
        super().__init__(interpolation=None, strict=False, delimiters="=")
        self.optionxform = str
        text = unit_file(name).read_text()
        repeated = re.findall(r"^Environment=(.+)$", text, re.MULTILINE)
        self.environment = dict(each.split("=", 1) for each in repeated)
        self.read_string(text)

    def started(self) -> list[str]:
        """The words of `ExecStart` after applying systemd's rules for `%` and `$`, as far as we use them."""
        line = self["Service"]["ExecStart"].replace("-%i@", "@")  # the instance, for a name of its own
        assert not re.search(r"(?<!%)%(?!%)", line), "a specifier of systemd"
        assert not re.search(r"[;|&<>]|:-", line), "only a shell understands this"
        words = [re.sub(r"^\$\{(\w+)\}$", lambda name: self.environment[name[1]], word) for word in shlex.split(line)]
        return [word.replace("%%", "%") for word in words]


def words(command: str) -> list[str]:
    """The words that a shell makes of a line of the Procfile when no variable is set."""
    return shlex.split(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", command.rpartition("exec ")[2]))


def test_there_is_one_for_each_line_of_the_procfile() -> None:
    assert set(procfile("Procfile")) == set(OURS)
    assert {file.name for file in UNITS.iterdir()} == {unit_file(name).name for name in OURS}


@pytest.mark.parametrize("name", OURS)
def test_it_starts_what_the_procfile_starts(name: str) -> None:
    program, *arguments = Unit(name).started()
    expected = words(procfile("Procfile")[name])
    assert program == str(HOME / ".venv" / "bin" / expected[0]), "systemd looks for no program in PATH"
    assert [word for word in arguments if word != "--address=127.0.0.1"] == expected[1:]


@pytest.mark.parametrize("name", OURS)
def test_it_has_its_settings_and_may_do_little(name: str) -> None:
    service = Unit(name)["Service"]
    assert service["EnvironmentFile"] == str(HOME / ".env")
    assert service["WorkingDirectory"] == str(HOME)
    assert service["User"] == "chattergram"
    assert {service[each] for each in ("PrivateTmp", "NoNewPrivileges", "ProtectHome")} == {"yes"}
    assert int(service["TimeoutStopSec"]) > 30, "longer than a process may take to stop"


def test_flower_does_not_start_without_a_password() -> None:
    assert "$${FLOWER_BASIC_AUTH:?" in Unit("flower")["Service"]["ExecStartPre"]


def test_the_deployment_page_makes_the_user_that_the_units_name() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text()
    assert re.search(r"^useradd .* chattergram$", page, re.MULTILINE)
    assert "chown chattergram: .env" in page
    assert all(f"chattergram-{name}" in page for name in OURS)


@pytest.mark.parametrize("name", OURS)
def test_systemd_takes_it_and_rates_its_exposure_low(name: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "apt-get install systemd"
    copy = tmp_path / unit_file(name).name
    text = unit_file(name).read_text()
    copy.write_text(re.sub(r"^(Exec\w+=)/opt/chattergram/\S+", r"\1/bin/true", text, flags=re.MULTILINE))
    instance = copy.with_name(copy.name.replace("@.", "@1."))
    verified = subprocess.run([analyze, "verify", "--man=no", instance], capture_output=True, text=True, check=False)
    assert copy.name.partition(".")[0] not in verified.stderr, verified.stderr
    rated = subprocess.run(
        [analyze, "security", "--offline=true", copy], capture_output=True, text=True, timeout=60, check=True
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", rated.stdout)
    assert found
    assert float(found[1]) < MAX_EXPOSURE
