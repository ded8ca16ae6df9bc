"""`flask backup save|check|restore`: the archive in one file."""

import os
import sys
from pathlib import Path

import click
from flask.cli import AppGroup
from redis import RedisError

from chat.upkeep import backup, sync
from chat.upkeep.backup import Manifest
from web.command import report_errors_and
from web.progress import Progress
from web.services import services

backups = AppGroup("backup", help="The archive in one file: save, check, restore.")
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@backups.command("save")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@report_errors_and("There is no backup; call it again for one.")
def save(file: Path) -> None:
    """Save MongoDB, recordings included, into FILE; - for standard output, to get it out of a container.

    Everything may go on meanwhile. FILE appears when it is whole. SECRET_KEY and VAPID_PRIVATE_KEY are not in it.
    """
    piped = str(file) == "-"
    if piped and sys.stdout.isatty():
        raise click.ClickException("A terminal cannot show a backup; redirect it: flask backup save - > FILE")
    if not piped and file.exists():
        raise click.ClickException(f"{file} exists already.")
    stores = services().stores
    try:
        if sync.run_round(stores) == sync.RESTORING:  # it also brings what MongoDB lacks
            raise click.ClickException("MongoDB has only a part of a backup: call flask backup restore again first.")
    except RedisError:
        click.echo("Redis is away: what only it has is not in the backup.", err=True)
    with Progress("Saving", backup.expected(stores)) as progress:
        manifest = backup.save(stores, sys.stdout.buffer, progress) if piped else _save(file, progress)
    click.echo(f"{'The backup' if piped else file}: {_contents(manifest)}", err=piped)


def _save(file: Path, progress: Progress) -> Manifest:
    """Writes under another name and renames, so that an interrupted backup is never taken for one."""
    partial = file.with_name(f"{file.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            os.fchmod(opened.fileno(), 0o600)  # also if an earlier one was there
            manifest = backup.save(services().stores, opened, progress)
            opened.flush()
            os.fsync(opened.fileno())
        partial.rename(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return manifest


@backups.command("check")
@click.argument("file", type=EXISTING)
@report_errors_and("Nothing was changed.")
def check(file: Path) -> None:
    """Read FILE and say what it has, and whether it is whole."""
    click.echo(f"{file} is whole: {_contents(_check(file))}")


@backups.command("restore")
@click.argument("file", type=EXISTING)
@click.option("--replace", is_flag=True, help="Delete first what MongoDB has.")
@report_errors_and("MongoDB has a part of the backup; call it again with the same file, and it goes on.")
def restore(file: Path, replace: bool) -> None:
    """Restore FILE into an empty MongoDB. Stop all other processes before; Redis may be as it is, or empty.

    The sync then compares both stores: each gets what only the other one has, and what was deleted stays deleted.
    """
    manifest = _check(file)
    with Progress("Restoring", sum(each.documents for each in manifest.collections.values())) as progress:
        try:
            backup.restore(services().stores, file, manifest, replace, progress)
        except backup.BackupError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"Restored: {_contents(manifest)}. Now run flask sync run, then start everything.")


def _check(file: Path) -> Manifest:
    with Progress("Checking", backup.size(file)) as progress:
        try:
            return backup.check(file, progress)
        except backup.BackupError as error:
            raise click.ClickException(str(error)) from None


def _contents(manifest: Manifest) -> str:
    counts = (
        (manifest.messages, "message", "messages"),
        (manifest.people, "person", "people"),
        (manifest.recordings, "recording", "recordings"),
    )
    return ", ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in counts) + f" of {manifest.began}"
