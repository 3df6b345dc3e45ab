"""``flavorkit verify``."""

from __future__ import annotations

import json
from typing import Any

import click

from flavorkit.cli import options


@click.command()
@click.argument("model_uri")
@options.trust()
@options.json_output()
def verify(model_uri: str, trust: Any, as_json: bool) -> None:
    """Check that the model folder MODEL_URI is what was saved, and whether you would load it.

    Exit status 0: every file is as recorded and your policy allows loading the model. Otherwise 1,
    and the message says what is wrong. Nothing is loaded.
    """
    from flavorkit import manifest, uris
    from flavorkit.descriptor import ModelDescriptor
    from flavorkit.flavors.loading import check_trust
    from flavorkit.trust import Policy

    folder = uris.fetch(model_uri)
    checked = manifest.verify(folder)
    grant = check_trust(folder, checked, ModelDescriptor.read(folder), Policy.parse(trust))
    facts = {
        "digest": checked.digest,
        "files": len(checked.files),
        "has_manifest": checked.is_recorded,
        "signed_by": checked.key,
        "may_run_code": grant.code,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    recorded = "as recorded" if checked.is_recorded else "without a manifest to compare with"
    click.echo(f"{model_uri}: {len(checked.files)} files {recorded}, {checked.digest}")
    click.echo(f"signed by {checked.key}" if checked.key else "signed by nobody")
