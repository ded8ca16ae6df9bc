"""The tests named in the README's guarantees exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_test_the_guarantees_name_exists() -> None:
    _, _, section = (ROOT / "README.md").read_text().partition("## Guarantees")
    section = section.partition("\n## ")[0]
    code = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", section))
    assert len(named) > 15
    assert [name for name in sorted(named) if f"def {name}(" not in code] == []
    files = re.findall(r"`(tests/[\w/]+\.py)`", section)
    assert [name for name in files if not (ROOT / name).exists()] == []
