"""Loads a Whisper model from a folder or, by the name of its size, from faster-whisper's hub."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from chat.voice.recognisers.protocol import TranscriptionUnavailable

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

log = structlog.get_logger(__name__)

NEEDED = ("config.json", "model.bin", "tokenizer.json")
REPORT_SECONDS = 5.0  # between two lines in the log while a model is fetched
PAUSE_SECONDS = 60.0  # before trying again to load a model that could not be loaded
SEED = 1  # of what Whisper tries where it is unsure; the same recording shall have the same words
MEGABYTE = 1_000_000


class Models:
    """The one model of a process, loaded when it is first used and shared by all threads.

    After a failure it is not loaded again for `PAUSE_SECONDS`, since every attempt would wait for the hub.
    """

    def __init__(self, name: str, threads: int, together: int) -> None:
        """`threads` are used for each recording; at most `together` are transcribed at a time."""
        self._name = name
        self._threads = threads
        self._together = together
        self._lock = threading.Lock()
        self._model: WhisperModel | None = None
        self._refused: TranscriptionUnavailable | None = None
        self._again = 0.0

    def get(self) -> "WhisperModel":
        """Returns the model.

        Raises:
            TranscriptionUnavailable: it cannot be loaded; the text says what to do.
        """
        with self._lock:
            if self._model is None:
                if self._refused is not None and time.monotonic() < self._again:
                    raise self._refused
                try:
                    self._model = self._load()
                except TranscriptionUnavailable as error:
                    log.error("whisper.no_model", model=self._name, reason=str(error))  # noqa: TRY400 (the text is all)
                    self._refused, self._again = error, time.monotonic() + PAUSE_SECONDS
                    raise
            return self._model

    def _load(self) -> "WhisperModel":
        try:
            from ctranslate2 import set_random_seed
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise TranscriptionUnavailable(
                "Nothing that can transcribe is installed: install requirements/speech.txt, or set DEEPGRAM_API_KEY."
            ) from error

        folder = _folder(self._name)
        began = time.monotonic()
        set_random_seed(SEED)  # threads take it as they begin
        try:
            model = WhisperModel(
                folder, device="cpu", compute_type="int8", cpu_threads=self._threads, num_workers=self._together
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise TranscriptionUnavailable(f"The model in {folder} cannot be loaded: {error}") from error
        log.info("whisper.loaded", model=self._name, seconds=round(time.monotonic() - began, 1), threads=self._threads)
        return model


def _folder(name: str) -> str:
    """Returns the model's folder, fetching the model if necessary."""
    if os.sep in name or Path(name).is_dir():
        missing = [each for each in NEEDED if not (Path(name) / each).is_file()]
        if not missing:
            return name
        if Path(name).is_absolute() or Path(name).is_dir():
            raise TranscriptionUnavailable(
                f"WHISPER_MODEL names the folder {name}, which has no {', '.join(missing)}. Name a folder with a "
                "Whisper model for CTranslate2, or a size such as base."
            )
    return _fetched(name)


def _fetched(name: str) -> str:
    from faster_whisper import download_model

    try:
        return str(download_model(name, local_files_only=True))  # without using the network
    except ValueError as error:
        raise TranscriptionUnavailable(
            f"WHISPER_MODEL is {name}, which is neither a folder nor a size. {error}"
        ) from None
    except Exception:  # noqa: BLE001 (the hub's client raises many kinds)
        log.info("whisper.fetching", model=name)
    try:
        with _reported(name):
            return str(download_model(name))
    except Exception as error:
        raise TranscriptionUnavailable(
            f"The Whisper model {name} could not be fetched from its hub ({type(error).__name__}). Give this machine a "
            "way to it, or put a model into a folder (bin/whisper-model base FOLDER) and name that in WHISPER_MODEL, "
            "or set DEEPGRAM_API_KEY."
        ) from error


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """Logs every few seconds how much has been fetched."""
    from huggingface_hub.constants import HF_HUB_CACHE

    cache, done = Path(HF_HUB_CACHE), threading.Event()
    before = _size(cache)

    def report() -> None:
        while not done.wait(REPORT_SECONDS):
            log.info("whisper.fetching", model=name, megabytes=round((_size(cache) - before) / MEGABYTE))

    thread = threading.Thread(target=report, name="whisper-fetching", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _size(folder: Path) -> int:
    """Returns the bytes in a folder, ignoring files that disappear meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.is_symlink() else path.stat().st_size
        except OSError:
            continue
    return total
