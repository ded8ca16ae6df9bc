"""Recordings: storing them, and who may read them. `chat.media` determines what a file is."""

from chat.audio import allowance
from chat.audio.erasing import delete, delete_owned, sweep_unclaimed
from chat.audio.links import Maker, sign
from chat.audio.links import read as read_link
from chat.audio.names import download_name
from chat.audio.store import (
    Claim,
    NewRecording,
    Recording,
    Upload,
    durations,
    find,
    find_linked,
    is_upload_id,
    read,
    record_claims,
    restore_upload,
    save_all,
    stream,
)

__all__ = [
    "Claim",
    "Maker",
    "NewRecording",
    "Recording",
    "Upload",
    "allowance",
    "delete",
    "delete_owned",
    "download_name",
    "durations",
    "find",
    "find_linked",
    "is_upload_id",
    "read",
    "read_link",
    "record_claims",
    "restore_upload",
    "save_all",
    "sign",
    "stream",
    "sweep_unclaimed",
]
