"""Makes real wheels and source archives to offer to pip and uv instead of an index."""

import hashlib
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path


def make_wheel(folder: Path, name: str, version: str, tag: str = "py3-none-any") -> Path:
    """Makes an empty wheel."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        "RECORD": "",
    }
    return _write(
        folder / f"{stem}-{tag}.whl", {f"{stem}.dist-info/{file}": text.encode() for file, text in info.items()}
    )


def wheel_of_installed(folder: Path, name: str) -> Path:
    """Makes a wheel from an installed package of Python alone, or with programs that any Linux like this one runs."""
    found = metadata.distribution(name)
    listed = [file for file in found.files or [] if file.suffix != ".pyc"]
    files = [file for file in listed if ".." not in file.parts]
    contents = {str(file): Path(str(file.locate())).read_bytes() for file in files if file.name != "RECORD"}
    for program in (file for file in listed if file.parent.name == "bin" and file not in files):
        contents[f"{name}-{found.version}.data/scripts/{program.name}"] = Path(str(program.locate())).read_bytes()
    record = next(str(file) for file in files if file.name == "RECORD")
    return _write(folder / f"{name}-{found.version}-py3-none-any.whl", {**contents, record: b""})


def pinned(wheel: Path) -> str:
    """The wheel's lines in a compiled file."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def _write(wheel: Path, contents: dict[str, bytes]) -> Path:
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in contents.items():
            made = zipfile.ZipInfo(name)
            made.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            archive.writestr(made, content)
    return wheel


def make_source_archive(folder: Path, name: str, version: str) -> Path:
    """Makes an empty source archive, which must not be built."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    archive = folder / f"{stem}.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        opened.addfile(tarfile.TarInfo(f"{stem}/pyproject.toml"))
    return archive
