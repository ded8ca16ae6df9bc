"""Maintenance commands: `flask users create`, `flask state` and others (`flask --help`).

They work on the stores directly and need no web process. A command that fails says why and exits with 1.
"""

import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from kombu.exceptions import OperationalError
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from redis import RedisError

from chat import ids
from chat.errors import ChatError
from chat.people import accounts
from chat.store import keys
from chat.store.connection import Document, Stores
from chat.store.prepare import prepare
from chat.upkeep import erasure, gauges, reindex, sync
from chat.upkeep.export import export
from config import logging
from web import languages
from web.schemas import SignUp
from web.services import services

ERASE_SECONDS = 300.0
SYNC_SECONDS = 60.0  # how long to wait for other processes' rounds: one takes ten, a dead one's lock blocks for 25
PAUSE_SECONDS = 0.2

users = AppGroup("users", help="People: create, export, purge.")
search = AppGroup("search", help="The search indexes.")
synchronisation = AppGroup("sync", help="The sync between Redis and MongoDB.")
Command = TypeVar("Command", bound=Callable[..., Any])


def install(app: Flask) -> None:
    for command in (users, search, synchronisation, show_state):
        app.cli.add_command(command)


def report_errors(command: Command) -> Command:
    """Reports the domain's errors and unreachable stores in a sentence rather than as a stack trace."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        logging.configure(services().settings)
        try:
            return command(*arguments, **options)
        except ChatError as error:
            raise click.ClickException(languages.english().say(error.sentence, **error.values)) from None
        except (RedisError, PyMongoError, OperationalError, OSError, TimeoutError) as error:
            raise click.ClickException(f"{type(error).__name__}: {str(error)[:300]}") from None

    return run  # type: ignore[return-value]


@users.command("create")
@click.argument("email")
@click.argument("username")
@report_errors
def create(email: str, username: str) -> None:
    """Create an account. Asks for the password, or reads it from a pipe."""
    password = click.prompt("Password", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        asked = SignUp(email=email, username=username, password=password)
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False)
        raise click.ClickException("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in found)) from None
    own = services()
    prepare(own.stores)
    user = accounts.sign_up(own.stores, own.passwords, asked.email, asked.username, asked.password)
    click.echo(user["_id"])


@users.command("export")
@click.argument("who")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    required=True,
    help="The zip file to write; - for standard output, to get it out of a container.",
)
@report_errors
def export_user(who: str, output: Path) -> None:
    """Write everything we hold about WHO (an id, a username or an email) into a zip archive."""
    stores = services().stores
    piped = str(output) == "-"
    if piped and sys.stdout.isatty():
        raise click.ClickException("A terminal cannot show a zip archive; redirect it: --output - > FILE.zip")
    user = find(stores, who)
    if not piped:
        output.touch(mode=0o600)
    with click.open_file(str(output), "wb") as file:
        count = export(stores, user["_id"], file)
    click.echo(f"{'The archive' if piped else output}: {count} messages", err=piped)


@users.command("purge")
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@report_errors
def purge(who: str, yes: bool) -> None:
    """Delete the account of WHO (an id, a username or an email) and erase their messages' text and audio."""
    stores = services().stores
    user = find(stores, who)
    if not yes:
        click.confirm(f"Delete {user['username']} ({user['_id']}) and erase their messages, for good?", abort=True)
    erasure.begin(stores, user["_id"])
    erasure.erase(stores, user["_id"], ERASE_SECONDS)
    click.echo(f"{user['_id']} is deleted. Workers look once more in a minute, for what was on its way just now.")


@search.command("reindex")
@report_errors
def reindex_search() -> None:
    """Rebuild the search terms of all people and messages in Redis, and both indexes."""
    changed = reindex.reindex(services().stores)
    figures = figures_of_redis(services().stores)
    click.echo(f"{figures['hot_messages']:.0f} messages indexed, {changed} terms changed")


@synchronisation.command("run")
@report_errors
def run_sync() -> None:
    """Run the sync now, until there is nothing more to do right away."""
    stores = services().stores
    sync_rounds(stores, SYNC_SECONDS)
    figures = figures_of_redis(stores)
    if not figures["mongodb_up"]:
        raise click.ClickException("MongoDB is away; what it lacks stays in the outbox.")
    complete = "complete" if figures["hot_complete"] else "being rebuilt"
    click.echo(f"{figures['outbox_messages']:.0f} messages in the outbox; the hot window is {complete}")


def sync_rounds(stores: Stores, timeout: float) -> None:
    """Runs rounds of the sync until one finds nothing more to do, waiting while other processes run theirs.

    Raises:
        ClickException: other processes have been syncing for `timeout` seconds.
    """
    until = time.monotonic() + timeout
    while True:
        result = sync.run_round(stores)
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
@with_appcontext
@report_errors
def show_state(as_json: bool) -> None:
    """Show the sizes of the queues, the outbox and the stores."""
    own = services()
    rows = gauges.figures(own.stores)
    try:
        rows |= {f"queue_{queue}": depth for queue, depth in own.queue.depths().items()} | {"broker_up": 1}
    except (OperationalError, OSError):
        rows["broker_up"] = 0
    if as_json:
        click.echo(orjson.dumps(rows).decode())
        return
    width = max(map(len, rows))
    for name, value in rows.items():
        click.echo(f"{name:<{width}}  {value:>14,.0f}  {gauges.FIGURES.get(name, '')}".rstrip())


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
