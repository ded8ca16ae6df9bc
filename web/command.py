"""What all commands of `flask` share: how they report errors, and what Ctrl-C does."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click
from kombu.exceptions import OperationalError
from pymongo.errors import PyMongoError
from redis import RedisError

from chat.errors import ChatError
from config import logging
from web import languages
from web.services import services

INTERRUPTED = 130  # the exit status of a program ended by Ctrl-C
Command = TypeVar("Command", bound=Callable[..., Any])


def report_errors(command: Command) -> Command:
    """Reports the domain's errors and unreachable stores in a sentence rather than as a stack trace."""
    return _wrapped(command, "Interrupted.")


def report_errors_and(interrupted: str) -> Callable[[Command], Command]:
    """The same for long work; `interrupted` says what is true after Ctrl-C."""
    return lambda command: _wrapped(command, f"Interrupted. {interrupted}")


def _wrapped(command: Command, interrupted: str) -> Command:
    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        logging.configure(services().settings)
        try:
            return command(*arguments, **options)
        except KeyboardInterrupt:
            click.echo(f"\n{interrupted}", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except ChatError as error:
            raise click.ClickException(languages.english().say(error.sentence, **error.values)) from None
        except (RedisError, PyMongoError, OperationalError, OSError, TimeoutError) as error:
            raise click.ClickException(f"{type(error).__name__}: {str(error)[:300]}") from None

    return run  # type: ignore[return-value]
