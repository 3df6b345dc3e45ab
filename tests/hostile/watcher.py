"""Load folder after folder in one process, and note what each attempt did.

Prints one line of JSON for each: what was raised, how long it took, and every audit event that a
refusal has no business with. ``python watcher.py GOOD_FOLDER CORPUS_FOLDER``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

# Events of running something, of reaching out, or of changing what is there. Compiling runs nothing,
# and numpy parses the heads of its files that way.
FORBIDDEN = (
    *("exec", "import", "marshal.loads", "pickle.find_class", "code.__new__"),
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "subprocess.Popen"),
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink"),
    *("shutil.rmtree", "shutil.move", "ctypes.dlopen", "sys.addaudithook"),
)
seen: list[str] = []
watching = threading.Event()


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not watching.is_set():
        return
    if event in FORBIDDEN:
        seen.append(f"{event} {str(arguments)[:200]}")
    elif event == "open":
        seen.append(f"open {arguments[0]!s} {arguments[1]!s}")


def flavor_of(folder: Path) -> str:
    """The first of our flavors that the folder names."""
    from flavorkit import manifest
    from flavorkit.descriptor import PYFUNC, ModelDescriptor
    from flavorkit.errors import FlavorkitError
    from flavorkit.flavors import registry

    try:
        manifest.verify(folder)  # which refuses what is no file, such as a pipe
        named = ModelDescriptor.read(folder).flavors
    except FlavorkitError:
        named = {}
    known = [name for name in named if name in registry.BUILTIN and name != PYFUNC]
    return known[0] if known else "sklearn"


def attempts(folder: Path) -> dict[str, Any]:
    import flavorkit
    from flavorkit import manifest
    from flavorkit.cli.inspect import describe
    from flavorkit.descriptor import ModelDescriptor
    from flavorkit.environment import files
    from flavorkit.flavors.loading import check_loadable
    from flavorkit.trust import Policy

    def verify() -> None:
        checked = manifest.verify(folder)
        check_loadable(folder, checked, ModelDescriptor.read(folder), Policy.parse("data"))

    return {
        "load": lambda: flavorkit.load_model(folder),
        "load as data": lambda: flavorkit.load_model(folder, trust="data"),
        "native": lambda: getattr(flavorkit, flavor_of(folder)).load_model(folder, trust="data"),
        "verify": verify,
        "inspect": lambda: describe(folder),
        "requirements": lambda: files.read(folder),
    }


def watched(attempt: Any) -> dict[str, Any]:
    seen.clear()
    begun = time.perf_counter()
    watching.set()
    try:
        attempt()
        outcome: dict[str, Any] = {"error": None}
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is told
        watching.clear()
        ours = any(cls.__name__ == "FlavorkitError" for cls in type(exc).__mro__)
        outcome = {"error": type(exc).__name__, "message": str(exc)[:2000], "is_ours": ours}
    finally:
        watching.clear()
    return {**outcome, "seconds": time.perf_counter() - begun, "events": list(seen)}


def main(good: Path, corpus: Path) -> None:
    from flavorkit.flavors import registry

    warnings.simplefilter("ignore")
    sys.addaudithook(hook)
    for attempt in attempts(good).values():  # what is imported once, is imported now
        attempt()
    for flavor in registry.BUILTIN:  # none of which imports its framework
        registry.get_flavor(flavor)
    for folder in sorted(corpus.iterdir()):
        made = folder / "m"
        for name, attempt in attempts(made).items():
            print(json.dumps({"folder": folder.name, "attempt": name, **watched(attempt)}))
    print(json.dumps({"canary": Path(os.environ["CANARY"]).exists()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
