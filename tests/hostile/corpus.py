"""Model folders that mean harm, one builder each.

Every payload, if it ran, would write the file that ``$CANARY`` names.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import py_compile
import shutil
import socket
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import yaml

Builder = Callable[[Path], None]

SHELL = 'echo ran > "$CANARY"'
PYTHON = "import os; open(os.environ['CANARY'], 'w').write('ran')\n"


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self._reduced = (function, args)

    def __reduce__(self):
        return self._reduced


def calls() -> dict[str, Call]:
    import subprocess

    return {
        "os.system": Call(os.system, SHELL),
        "exec": Call(exec, PYTHON),
        "eval": Call(eval, f"exec({PYTHON!r})"),
        "Popen": Call(subprocess.Popen, SHELL, -1, None, None, None, None, None, True, True),
        "import": Call(__import__, "antigravity"),
    }


def descriptor(folder: Path, **flavors) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors}))


def pyfunc(**keys):
    return {"loader_module": "mlflow.sklearn", "python_version": "3.11.7", **keys}


def sklearn(data="model.skops", form="skops", **keys):
    return {"pickled_model": data, "serialization_format": form, **keys}


def skops_folder(folder: Path, content: bytes, **keys) -> None:
    descriptor(folder, python_function=pyfunc(model_path="model.skops"), sklearn=sklearn(**keys))
    (folder / "model.skops").write_bytes(content)


def good_skops() -> bytes:
    import skops.io
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier().fit([[0.0], [1.0], [2.0]], [0, 1, 0])
    return skops.io.dumps(model)


def rezipped(content: bytes, change: Callable[[dict], None], **more: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    change(schema)
    parts["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in {**parts, **more}.items():
            archive.writestr(name, part)
    return buffer.getvalue()


def pickles() -> Iterator[tuple[str, Builder]]:
    """A pickle under every name that some format reads."""
    for name, call in calls().items():
        for protocol in range(6):
            payload = pickle.dumps(call, protocol)

            def model_pkl(folder, payload=payload):
                descriptor(
                    folder,
                    python_function=pyfunc(model_path="model.pkl"),
                    sklearn=sklearn("model.pkl", "cloudpickle"),
                )
                (folder / "model.pkl").write_bytes(payload)

            yield f"a pickle of {name}, protocol {protocol}", model_pkl
    payload = pickle.dumps(calls()["exec"])
    for form in ("pickle", "joblib", "dill", "", None, "skops "):

        def declared(folder, form=form):
            descriptor(folder, python_function=pyfunc(), sklearn=sklearn("m.pkl", form))
            (folder / "m.pkl").write_bytes(payload)

        yield f"a pickle whose format is {form!r}", declared
    yield "a pickle that claims to be skops", lambda folder: skops_folder(folder, payload)
    compressed = {
        None: payload,
        "gzip": gzip.compress(payload),
        "lzma": lzma.compress(payload),
        "bzip2": bz2.compress(payload),
        "zstd": payload,
    }
    for compression, content in compressed.items():

        def python_model(folder, compression=compression, content=content):
            more = {"python_model_compression": compression} if compression else {}
            section = pyfunc(
                loader_module="mlflow.pyfunc.model", python_model="python_model.pkl", **more
            )
            descriptor(folder, python_function=section)
            (folder / "python_model.pkl").write_bytes(content)

        yield f"a PythonModel, compressed with {compression}", python_model

    for name in ("MLmodel", "manifest.json"):

        def in_place_of(folder, name=name):
            skops_folder(folder, good_skops())
            (folder / name).write_bytes(payload)

        yield f"a pickle in place of {name}", in_place_of

    def object_array(folder):
        buffer = io.BytesIO()
        np.save(buffer, np.array([calls()["exec"]], dtype=object), allow_pickle=True)
        content = good_skops()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            arrays = [name for name in archive.namelist() if name.endswith(".npy")]
        skops_folder(folder, rezipped(content, lambda s: None, **{arrays[0]: buffer.getvalue()}))

    yield "an array of objects inside skops", object_array


LOADERS = [
    *("os", "posix", "subprocess", "builtins", "importlib", "ctypes", "pty", "code", "runpy"),
    *("antigravity", "flavorkit", "flavorkit.mlflow_loader", "flavorkit.flavors.unsafe_load"),
    *("mlflow.sklearn", "mlflow.pyfunc.loaders.chat_model", "..evil", "../evil", "evil", "", " "),
]


def loader_modules() -> Iterator[tuple[str, Builder]]:
    for loader in [*LOADERS, None, 5, ["os"], {"a": "os"}]:
        for code in (None, "code"):

            def build(folder, loader=loader, code=code):
                descriptor(folder, python_function=pyfunc(loader_module=loader, code=code))
                (folder / "code").mkdir()
                (folder / "code" / "evil.py").write_text(PYTHON)
                (folder / "evil.py").write_text(PYTHON)

            yield f"loader_module {loader!r} with code {code!r}", build


OUTSIDE = [
    "../x",
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../x",
    "a\\..\\..\\x",
    "C:\\x",
    "",
    "a\nb",
]


def paths() -> Iterator[tuple[str, Builder]]:
    keys = ("code", "data", "model_path", "python_model")
    places: dict[str, Callable[[str], dict]] = {
        key: lambda path, key=key: {"python_function": pyfunc(**{key: path})} for key in keys
    }
    places["pickled_model"] = lambda path: {"python_function": pyfunc(), "sklearn": sklearn(path)}
    places["env"] = lambda path: {"python_function": pyfunc(env={"conda": path})}
    places["artifacts"] = lambda path: {"python_function": pyfunc(artifacts={"a": {"path": path}})}
    places["extra_files"] = lambda path: {"python_function": pyfunc(extra_files=[{"path": path}])}
    for key, flavors in places.items():
        for path in OUTSIDE:

            def build(folder, flavors=flavors, path=path):
                descriptor(folder, **flavors(path))

            yield f"{key} at {path!r}", build
    for path in ("/etc/passwd", "../evil.py", "..", "evil.py/../../x.py"):

        def code_file(folder, path=path):
            section = pyfunc(loader_module="mlflow.pyfunc.loaders.code_model", model_code_path=path)
            descriptor(folder, python_function=section)
            (folder / "evil.py").write_text(PYTHON)
            (folder.parent / "evil.py").write_text(PYTHON)

        yield f"model_code_path {path!r}", code_file


def node(module, name, loader, content, **more):
    return {
        "__class__": name,
        "__module__": module,
        "__loader__": loader,
        "content": content,
        **more,
    }


def skops_files() -> Iterator[tuple[str, Builder]]:
    text = node("builtins", "str", "JsonNode", json.dumps(SHELL), is_json=True)
    args = node("builtins", "tuple", "TupleNode", [text])
    planted = {
        "os.system as a function": node("os", "system", "FunctionNode", {}),
        "posix.system as a function": node("posix", "system", "FunctionNode", {}),
        "os.system called": node("os", "system", "ConstructorFromReduceNode", args),
        "exec called": node("builtins", "exec", "ConstructorFromReduceNode", args),
        "numpy.load called": node("numpy", "load", "ConstructorFromReduceNode", args),
        "os.system as a loss": node("os", "system", "LossNode", args, __reduce__={"args": args}),
        "Popen as an object": node("subprocess", "Popen", "ObjectNode", args),
        "a method": node("builtins", "str", "MethodNode", {"func": "format", "obj": text}),
        "an operator": node("operator", "methodcaller", "OperatorFuncNode", args),
        "a module that does not exist": node("antigravity_bomb", "Boom", "ObjectNode", args),
        "a class of __main__": node("__main__", "Boom", "ObjectNode", args),
        "a loader nobody has": node("builtins", "str", "NoSuchNode", args),
    }
    for name, attribute in planted.items():
        for trusted in (None, ["os.system", "posix.system", "builtins.exec", "subprocess.Popen"]):

            def build(folder, attribute=attribute, trusted=trusted):
                def plant(schema):
                    inner = schema["content"]
                    inner["content"]["planted"] = attribute
                    inner["key_types"]["content"].append(inner["key_types"]["content"][0])

                content = rezipped(good_skops(), plant)
                skops_folder(folder, content, skops_trusted_types=trusted)

            yield f"skops with {name}, self-declared {bool(trusted)}", build

    def bomb(folder):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("schema.json", b" " * 300_000_000)
        skops_folder(folder, buffer.getvalue())

    yield "a skops file that unpacks to 300 MB", bomb

    def twice(folder):
        buffer = io.BytesIO(good_skops())
        with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings(action="ignore"):
            archive.writestr("schema.json", "{}")
        skops_folder(folder, buffer.getvalue())

    yield "a skops file with two schemas", twice
    yield "an empty skops file", lambda folder: skops_folder(folder, b"")
    yield "a truncated skops file", lambda folder: skops_folder(folder, good_skops()[:500])

    def deep(folder):
        def nest(schema):
            inner = text
            for _ in range(100_000):
                inner = node("builtins", "tuple", "TupleNode", [inner])
            schema.update(inner)

        raw = good_skops()
        try:
            content = rezipped(raw, nest)
        except RecursionError:
            open_, close = (
                '{"__class__":"tuple","__module__":"builtins","__loader__":"TupleNode","content":[',
                "]}",
            )
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("schema.json", open_ * 50_000 + close * 50_000)
            content = buffer.getvalue()
        skops_folder(folder, content)

    yield "a skops schema of great depth", deep

    for method in ("fit_predict", "fit", "__setattr__", "__reduce__", "set_params", "__init__"):

        def other_method(folder, method=method):
            section = pyfunc(model_path="model.skops", predict_fn=method)
            descriptor(folder, python_function=section, sklearn=sklearn())
            (folder / "model.skops").write_bytes(good_skops())

        yield f"predictions by {method}", other_method


YAML = {
    "a tag that calls": "!!python/object/apply:os.system ['x']",
    "a tag that imports": "flavors: !!python/module:antigravity",
    "a tag that names": "flavors: !!python/name:os.system",
    "a tag that makes an object": "flavors: !!python/object/new:os.system ['x']",
    "a tag of its own": "flavors: !evil {}",
    "a redefined tag": "%TAG ! tag:yaml.org,2002:python/\n---\nflavors: !object/apply:os.system [x]",
    "a binary tag": "flavors: !!binary aGk=",
    "a set": "flavors: !!set {a, b}",
    "an anchor": "flavors: &a {sklearn: {}}\nmetadata: *a",
    "a merge key": "flavors: {<<: {sklearn: {}}}",
    "a billion laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "an anchor within itself": "a: &a [*a]",
    "great depth": "a: " + "[" * 200_000,
    "great depth in blocks": "\n".join(" " * n + "a:" for n in range(2000)),
    "a key twice": "flavors: {sklearn: {}, sklearn: {}}",
    "two documents": "flavors: {}\n---\nflavors: {}",
    "five megabytes": "a: " + "x" * 5_000_000,
    "a number of many parts": "a: " + "1:" * 100_000 + "1",
    "a number of many digits": "a: " + "9" * 100_000,
    "keys of one hash": "\n".join(f"? {(2**61 - 1) * n}\n: x" for n in range(1, 5000)),
    "another encoding": "flavors: {}".encode("utf-16"),
    "a null byte": "flavors: {}\0",
    "nothing": "",
    "a list": "[]",
    "flavors that are none": "flavors: []",
    "a flavor of an odd name": 'flavors: {"../evil": {}}',
    "a thousand flavors": "flavors: {" + ", ".join(f"f{n}: {{}}" for n in range(1000)) + "}",
}


def yaml_texts() -> Iterator[tuple[str, Builder]]:
    for name, text in YAML.items():

        def build(folder, text=text):
            folder.mkdir()
            raw = text if isinstance(text, bytes) else text.encode()
            (folder / "MLmodel").write_bytes(raw)

        yield f"MLmodel with {name}", build


def files() -> Iterator[tuple[str, Builder]]:
    def start(folder):
        skops_folder(folder, good_skops())

    def link(folder):
        start(folder)
        (folder / "model.skops").unlink()
        (folder / "model.skops").symlink_to("/etc/passwd")

    def linked_folder(folder):
        start(folder)
        (folder / "more").symlink_to("/etc")

    def linked_descriptor(folder):
        start(folder)
        shutil.move(folder / "MLmodel", folder.parent / "elsewhere")
        (folder / "MLmodel").symlink_to(folder.parent / "elsewhere")

    def hard_link(folder):
        start(folder)
        outside = folder.parent / "outside"
        outside.write_text("x")
        os.link(outside, folder / "inside")

    def pipe(folder):
        start(folder)
        os.mkfifo(folder / "pipe")

    def descriptor_pipe(folder):
        start(folder)
        (folder / "MLmodel").unlink()
        os.mkfifo(folder / "MLmodel")

    def unix_socket(folder):
        start(folder)
        here = Path.cwd()
        os.chdir(folder)  # its whole path may be too long for an address
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind("socket")
        finally:
            os.chdir(here)

    def odd_name(folder):
        start(folder)
        (folder / "a\nb").write_text("x")

    def descriptor_folder(folder):
        (folder / "MLmodel").mkdir(parents=True)

    named = {
        "a link to /etc/passwd": link,
        "a link to /etc": linked_folder,
        "a linked MLmodel": linked_descriptor,
        "a hard link": hard_link,
        "a pipe": pipe,
        "a pipe for an MLmodel": descriptor_pipe,
        "a socket": unix_socket,
        "a line end in a name": odd_name,
        "a folder for an MLmodel": descriptor_folder,
    }
    yield from named.items()


def code() -> Iterator[tuple[str, Builder]]:
    def bundled(folder, **files_):
        section = pyfunc(loader_module="evil", code="code")
        descriptor(folder, python_function=section)
        for name, content in {"evil": PYTHON, **files_}.items():
            path = folder / "code" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    for name in ("json", "os", "pickle", "sitecustomize", "usercustomize", "numpy", "yaml", "re"):
        yield f"code/{name}.py", lambda folder, name=name: bundled(folder, **{name: PYTHON})

    def planted_bytecode(folder):
        bundled(folder)
        py_compile.compile(str(folder / "code" / "evil.py"), doraise=True)
        (folder / "code" / "evil.py").write_text("def _load_pyfunc(path): ...\n")

    yield "planted byte code", planted_bytecode

    def beside_data(folder):
        skops_folder(folder, good_skops())
        (folder / "MLmodel").write_text(
            yaml.safe_dump(
                {
                    "flavors": {
                        "python_function": pyfunc(python_model="python_model.pkl", code="code")
                    }
                }
            )
        )
        (folder / "python_model.pkl").write_bytes(pickle.dumps(calls()["exec"]))
        (folder / "code").mkdir()
        (folder / "code" / "sklearn.py").write_text(PYTHON)

    yield "code beside a file of data", beside_data


SMUGGLED = [
    *("-e .", "--editable .", "-r /etc/passwd", "-c /etc/passwd", " -c /etc/passwd"),
    *("--index-url http://evil/", "--extra-index-url=http://evil/", "-i http://evil/"),
    *("--find-links /tmp", "-f /tmp", "--trusted-host evil", "--config-settings x=y"),
    *("numpy @ http://evil/x.whl", "git+https://evil/x", "./evil.whl", "/tmp/evil.whl"),
    *("numpy; echo x | sh; #", "numpy && echo", "$(id)", "`id`", "numpy\x1b[2J", "-", "--"),
    *("file:///tmp/evil.whl", "http://evil/x.tar.gz", "numpy --global-option=x"),
]


def requirements() -> Iterator[tuple[str, Builder]]:
    for line in SMUGGLED:

        def build(folder, line=line):
            skops_folder(folder, good_skops())
            (folder / "requirements.txt").write_text(f"six\n{line}\n")

        yield f"requirements with {line!r}", build

    def nested(folder):
        skops_folder(folder, good_skops())
        (folder / "requirements.txt").write_text("-c constraints.txt")
        (folder / "constraints.txt").write_text("-c constraints.txt")

    yield "constraints within constraints", nested


def manifests() -> Iterator[tuple[str, Builder]]:
    def with_manifest(content):
        def build(folder):
            skops_folder(folder, good_skops())
            raw = content if isinstance(content, str) else json.dumps(content)
            (folder / "manifest.json").write_text(raw)

        return build

    entry = {"path": "MLmodel", "size": 1, "sha256": "0" * 64}
    forged = {"version": 1, "files": [entry], "signature": {"key": "ed25519:x", "value": "y"}}
    texts = {
        "no JSON": "{",
        "a list": [],
        "another version": {"version": 2, "files": []},
        "no files": {"version": 1},
        "an empty list": {"version": 1, "files": []},
        "another digest": {"version": 1, "files": [entry]},
        "a path outside": {"version": 1, "files": [{**entry, "path": "../../etc/passwd"}]},
        "an absolute path": {"version": 1, "files": [{**entry, "path": "/etc/passwd"}]},
        "a path twice": {"version": 1, "files": [entry, entry]},
        "a forged signature": forged,
        "great depth": "[" * 200_000,
        "a number of many digits": '{"version": ' + "9" * 100_000 + "}",
    }
    for name, content in texts.items():
        yield f"a manifest with {name}", with_manifest(content)


def all_folders() -> dict[str, Builder]:
    """Every builder by what it builds."""
    from tests.hostile import networks

    groups = (pickles, loader_modules, paths, skops_files, yaml_texts, files, code, manifests)
    made = {name: build for group in groups for name, build in group()}
    return {**made, **dict(networks.folders())}


def all_requirements() -> dict[str, Builder]:
    """Folders whose model is harmless, and whose requirements are not."""
    return dict(requirements())
