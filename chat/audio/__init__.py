"""Recordings: storing them, and who may read them. `chat.media` determines what a file is."""

from chat.audio import allowance
from chat.audio.erasing import delete, delete_owned, delete_unclaimed, sweep_unclaimed
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
    find_stored,
    is_upload_id,
    keep,
    offer,
    read,
    record_claims,
    restore_upload,
    save,
    save_all,
    sent_recording,
    stream,
    too_large,
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
    "delete_unclaimed",
    "download_name",
    "durations",
    "find",
    "find_linked",
    "find_stored",
    "is_upload_id",
    "keep",
    "offer",
    "read",
    "read_link",
    "record_claims",
    "restore_upload",
    "save",
    "save_all",
    "sent_recording",
    "sign",
    "stream",
    "sweep_unclaimed",
    "too_large",
]
