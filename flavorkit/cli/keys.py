"""``flavorkit keys``."""

from __future__ import annotations

import json

import click

from flavorkit.cli import options


@click.group(invoke_without_command=True)
@options.json_output()
@click.pass_context
def keys(ctx: click.Context, as_json: bool) -> None:
    """Show the keys whose signatures you believe; trust and forget others.

    Models that you save are signed with your own key. Send its text to those who should load your
    models without further ado; they run `flavorkit keys trust`.
    """
    if ctx.invoked_subcommand is not None:
        return
    from flavorkit.trust.keys import Keyring, signing_key

    own = signing_key(create=True)
    shown = [{"key": key.text, "name": key.name} for key in Keyring.load()]
    if as_json:
        click.echo(json.dumps({"own": own.public_key if own else None, "keyring": shown}))
        return
    for key in sorted(shown, key=lambda key: own is None or key["key"] != own.public_key):
        click.echo(f"{key['key']} {key['name']}".rstrip())


@keys.command()
@click.argument("key")
@click.argument("name", default="")
def trust(key: str, name: str) -> None:
    """Believe what KEY signs: models signed by it load as your own do. NAME is what you call it."""
    from flavorkit.trust.keys import Key, trust_key

    trust_key(Key(key, name))
    click.echo(f"trusted {key} {name}".rstrip())


@keys.command()
@click.argument("key")
def forget(key: str) -> None:
    """No longer believe what KEY, a key or its name, signs."""
    from flavorkit.trust.keys import forget_key

    click.echo(f"forgot {forget_key(key)}")
