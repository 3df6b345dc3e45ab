"""``flavorkit verify``."""

from __future__ import annotations

import json
from typing import Any

import click

from flavorkit.cli import options


@click.command()
@options.model()
@options.trust()
@options.json_output()
def verify(model_uri: str, trust: Any, as_json: bool) -> None:
    """Check that the model folder MODEL_URI is what was saved, and whether you would load it.

    Exit status 0: every file is as recorded and your policy allows loading the model. Otherwise 1,
    and the message says what is wrong. Nothing is loaded.
    """
    from flavorkit.errors import FlavorkitError

    try:
        facts = _verify(model_uri, trust)
    except FlavorkitError as exc:
        if not as_json:
            raise
        click.echo(json.dumps({"ok": False, "problem": exc.message}))
        raise SystemExit(1) from None
    if as_json:
        click.echo(json.dumps({"ok": True, **facts}))
        return
    recorded = "as recorded" if facts["has_manifest"] else "without a manifest to compare with"
    click.echo(f"{model_uri}: {facts['files']} files {recorded}, {facts['digest']}")
    click.echo(f"signed by {facts['signed_by'] or 'nobody'}")


def _verify(model_uri: str, trust: Any) -> dict[str, Any]:
    from flavorkit import manifest, uris
    from flavorkit.descriptor import ModelDescriptor
    from flavorkit.flavors.loading import check_loadable
    from flavorkit.trust import Policy

    folder = uris.fetch(model_uri)
    checked = manifest.verify(folder)
    grant = check_loadable(folder, checked, ModelDescriptor.read(folder), Policy.parse(trust))
    return {
        "digest": checked.digest,
        "files": len(checked.files),
        "has_manifest": checked.is_recorded,
        "signed_by": checked.key,
        "may_run_code": grant.code,
    }
