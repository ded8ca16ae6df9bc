"""Makes the file names that people give harmless."""

import unicodedata
from pathlib import PurePosixPath

from chat.media.containers import ALL, extension
from chat.text import characters

NAME_LIMIT = 100  # characters
SUFFIX_LIMIT = 10


def clean_name(given: str | None, mimetype: str) -> str:
    """The last part of a path, without what nobody sees and not too long; `voice` if nothing is left."""
    last = (given or "").replace("\\", "/").rpartition("/")[2]
    composed = unicodedata.normalize("NFC", characters.with_single_blanks(last))
    name = characters.with_single_blanks(characters.without_stray(composed)).strip(". ")
    if len(name) > NAME_LIMIT:
        suffix = PurePosixPath(name).suffix
        suffix = suffix if len(suffix) <= SUFFIX_LIMIT else ""
        name = name[: NAME_LIMIT - len(suffix)] + suffix
    return name if not characters.is_blank(name) else f"voice{extension(mimetype)}"


def download_name(name: str, mimetype: str) -> str:
    """The name to save a recording under, with its real type's extension, so that none is opened as `voice.html`."""
    truthful = next((kind.extensions for kind in ALL if kind.mimetype == mimetype), ())
    return name if PurePosixPath(name.lower()).suffix in truthful else name + extension(mimetype)
