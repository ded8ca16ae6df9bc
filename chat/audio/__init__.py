"""Recordings: telling what a file is, storing it, and who may have it. The rest of the house uses these names."""

from chat.audio.erasing import delete, delete_owned, sweep_unclaimed
from chat.audio.links import is_valid, sign
from chat.audio.names import download_name
from chat.audio.probe import Probed, probe
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
    "NewRecording",
    "Probed",
    "Recording",
    "Upload",
    "delete",
    "delete_owned",
    "download_name",
    "durations",
    "find",
    "find_linked",
    "is_upload_id",
    "is_valid",
    "probe",
    "read",
    "record_claims",
    "restore_upload",
    "save_all",
    "sign",
    "stream",
    "sweep_unclaimed",
]
