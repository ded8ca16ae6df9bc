"""Maintenance commands: `flask users create`, `flask state` and others (`flask --help`).

They work on the stores directly and need no web process. A command that fails says why and exits with 1.
"""

import sys
import time
from pathlib import Path

import click
import orjson
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from kombu.exceptions import OperationalError
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from chat import ids
from chat.people import accounts
from chat.store import keys
from chat.store.connection import Document, Stores
from chat.store.prepare import prepare
from chat.upkeep import bringing, erasure, gauges, moving, reindex, runs, sync
from chat.upkeep.export import expected, export
from web.backups import backups
from web.command import report_errors, report_errors_and
from web.progress import Progress
from web.schemas import SignUp
from web.services import services

ERASE_SECONDS = 300.0
SYNC_SECONDS = 60.0  # how long to wait for other processes' rounds: one takes ten, a dead one's lock blocks for 25
PAUSE_SECONDS = 0.2
WATCH_SECONDS = 2.0

BROUGHT = {
    bringing.TO_ARCHIVE: "messages were brought to MongoDB, or in a newer revision",
    bringing.TO_REDIS: "messages were brought to Redis, or in a newer revision",
    bringing.PEOPLE: "people were brought to MongoDB; those it lacked have no password (flask users password)",
    bringing.ERASED: "deleted accounts had come back and are erased again",
    bringing.RECORDINGS: "recordings are lost: only the messages about them are there",
}

users = AppGroup("users", help="People: create, export, purge.")
search = AppGroup("search", help="The search indexes.")
synchronisation = AppGroup("sync", help="The sync between Redis and MongoDB.")
partitions = AppGroup("partitions", help="The partitions of the messages in Redis.")


def install(app: Flask) -> None:
    for command in (users, search, synchronisation, partitions, backups, show_state):
        app.cli.add_command(command)


@users.command("create")
@click.argument("email")
@click.argument("username")
@report_errors
def create(email: str, username: str) -> None:
    """Create an account. Asks for the password, or reads it from a pipe."""
    asked = _valid(SignUp, email=email, username=username, password=_password())
    own = services()
    prepare(own.stores)
    user = accounts.sign_up(own.stores, own.passwords, asked.email, asked.username, asked.password)
    click.echo(user["_id"])


@users.command("password")
@click.argument("who")
@report_errors
def set_password(who: str) -> None:
    """Give WHO (an id, a username or an email) a new password, and log them out. Asks for it, or reads it from a pipe.

    For those who forgot theirs, and for accounts that came back from Redis after a restore.
    """
    own = services()
    user = find(own.stores, who)
    asked = _valid(SignUp, email=user["email"], username=user["username"], password=_password())
    accounts.set_password(own.stores, own.passwords, user["_id"], asked.password)
    click.echo(f"{user['_id']} has a new password.")


def _password() -> str:
    return click.prompt("Password", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _valid(schema: type[SignUp], **values: str) -> SignUp:
    """Checks input as the API does. Raises ClickException."""
    try:
        return schema(**values)
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False)
        raise click.ClickException("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in found)) from None


@users.command("export")
@click.argument("who")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    required=True,
    help="The zip file to write; - for standard output, to get it out of a container.",
)
@report_errors_and("The archive is not whole; call it again for one.")
def export_user(who: str, output: Path) -> None:
    """Write everything we hold about WHO (an id, a username or an email) into a zip archive."""
    stores = services().stores
    piped = str(output) == "-"
    if piped and sys.stdout.isatty():
        raise click.ClickException("A terminal cannot show a zip archive; redirect it: --output - > FILE.zip")
    user = find(stores, who)
    if not piped:
        output.touch(mode=0o600)
    with click.open_file(str(output), "wb") as file, Progress("Exporting", expected(stores, user["_id"])) as progress:
        count = export(stores, user["_id"], file, progress)
    click.echo(f"{'The archive' if piped else output}: {count} messages", err=piped)


@users.command("purge")
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@report_errors_and("If it had begun, workers go on with it; so does this command when called again.")
def purge(who: str, yes: bool) -> None:
    """Delete the account of WHO (an id, a username or an email) and erase their messages' text and audio."""
    stores = services().stores
    of_them = {"$or": [{"_id": who}, {"username": who}]}
    begun = stores.mongo.erasures.find_one({**of_them, "due": {"$lte": ids.now()}})  # and was interrupted
    user = begun or find(stores, who)
    if not begun:
        if not yes:
            click.confirm(f"Delete {user['username']} ({user['_id']}) and erase their messages, for good?", abort=True)
        erasure.begin(stores, user["_id"])
    with Progress("Erasing", erasure.expected(stores, user["_id"])) as progress:
        erasure.erase(stores, user["_id"], ERASE_SECONDS, progress)
    click.echo(f"{user['_id']} is deleted. Workers look once more in a minute, for what was on its way just now.")


@search.command("reindex")
@report_errors_and("Search may find only a part until it is called again and done.")
def reindex_search() -> None:
    """Rebuild the search terms of all people and messages in Redis, and both indexes."""
    stores = services().stores
    before = figures_of_redis(stores)
    with Progress("Indexing", int(before["hot_people"] + before["hot_messages"])) as progress:
        changed = reindex.reindex(stores, progress)
    figures = figures_of_redis(stores)
    click.echo(f"{figures['hot_messages']:.0f} messages indexed, {changed} terms changed")


@synchronisation.command("run")
@report_errors_and("What was brought stays; the next round goes on, here or in a worker.")
def run_sync() -> None:
    """Run the sync now, until there is nothing more to do right away."""
    stores = services().stores
    before = bringing.brought(stores)
    with Progress("Syncing", _expected(stores)) as progress:
        sync_rounds(stores, SYNC_SECONDS, progress)
    figures = figures_of_redis(stores)
    if not figures["mongodb_up"]:
        raise click.ClickException("MongoDB is away; what it lacks stays in the outbox.")
    for name, number in bringing.brought(stores).items():
        if number > before[name]:
            click.echo(f"{number - before[name]:,} {BROUGHT[name]}")
    complete = "complete" if figures["hot_complete"] else "being rebuilt"
    click.echo(f"{figures['outbox_messages']:.0f} messages in the outbox; the hot window is {complete}")


@partitions.command("move")
@report_errors_and("What was moved stays; call it again for the rest.")
def move_to_partitions() -> None:
    """Take over what an older version has left in Redis. Stop all of its processes first.

    This version does not start before that, and says so. It may be called again at any time.
    """
    stores = services().stores
    try:
        with Progress("Moving", moving.expected(stores)) as progress:
            moved, stored = moving.move(stores, progress)
    except moving.StillRunning:
        raise click.ClickException(
            "A worker of that version still runs, or was killed seconds ago: stop it, and try again."
        ) from None
    click.echo(f"{moved:,} messages were moved, {stored:,} accepted ones were stored; nothing is left to move")


def _expected(stores: Stores) -> int:
    try:
        return sync.expected(stores)
    except PyMongoError:
        return 0  # then a round says so


def sync_rounds(stores: Stores, timeout: float, on_progress: runs.Progress = runs.ignore) -> None:
    """Runs rounds of the sync until one finds nothing more to do, waiting while other processes run theirs.

    Raises:
        ClickException: other processes have been syncing for `timeout` seconds, or a backup is being restored.
    """
    until = time.monotonic() + timeout
    while True:
        result = sync.run_round(stores, on_progress)
        if result == sync.RESTORING:
            raise click.ClickException("MongoDB has only a part of a backup: call flask backup restore again first.")
        if result == sync.REFUSED:
            if time.monotonic() > until:
                raise click.ClickException("Another process has been syncing all the while; try again in a minute.")
            time.sleep(PAUSE_SECONDS)
        elif result != sync.MORE:
            return


def figures_of_redis(stores: Stores) -> dict[str, float]:
    """`gauges.figures`, with Redis's figures among them. Raises ClickException if Redis is unreachable."""
    figures = gauges.figures(stores)
    if not figures["redis_up"]:
        raise click.ClickException("Redis has gone away; run this again when it is back.")
    return figures


@click.command("state")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--watch", is_flag=True, help="Show them again every two seconds, until Ctrl-C.")
@with_appcontext
@report_errors
def show_state(as_json: bool, watch: bool) -> None:
    """Show the sizes of the queues, the outbox and the stores."""
    while True:
        shown = _state(as_json)
        if watch:
            click.clear()  # only on a terminal
        click.echo(shown)
        if not watch:
            return
        time.sleep(WATCH_SECONDS)


def _state(as_json: bool) -> str:
    own = services()
    rows = gauges.figures(own.stores)
    try:
        rows |= {f"queue_{queue}": depth for queue, depth in own.queue.depths().items()} | {"broker_up": 1}
    except (OperationalError, OSError):
        rows["broker_up"] = 0
    if as_json:
        return orjson.dumps(rows).decode()
    width = max(map(len, rows))
    return "\n".join(
        f"{name:<{width}}  {value:>14,.0f}  {gauges.FIGURES.get(name, '')}".rstrip() for name, value in rows.items()
    )


def find(stores: Stores, who: str) -> Document:
    """Finds the person with this id, username or email. Raises ClickException unless there is exactly one."""
    by = [{"usernameKey": keys.fold_name(who)}, {"emailKey": {"$in": accounts.email_keys(who)}}]
    query = {"_id": who} if ids.is_id(who) else {"$or": by}
    found = list(stores.mongo.users.find(query))
    if not found:
        raise click.ClickException(f"There is nobody with the id, username or email {who}.")
    if len(found) > 1:
        raise click.ClickException("Two people go by that; give the id: " + ", ".join(each["_id"] for each in found))
    return found[0]
