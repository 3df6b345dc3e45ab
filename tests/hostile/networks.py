"""Folders of Keras and TensorFlow that mean harm, made without either."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tests.hostile.corpus import PYTHON, SHELL, Builder, Call, calls, descriptor, pyfunc


def keras_zip(config, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(config))
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def part(module, name, config, **more):
    return {"module": module, "class_name": name, "config": config, **more}


def sequential(*layers):
    start = part("keras.layers", "InputLayer", {"batch_shape": [None, 1], "dtype": "float32"})
    return part("keras", "Sequential", {"name": "s", "layers": [start, *layers]})


def configurations() -> dict[str, object]:
    code = base64.b64encode(marshal.dumps(compile(PYTHON, "m", "exec"))).decode()
    function = part("builtins", "__lambda__", {"code": code, "defaults": None, "closure": None})
    pickled = base64.b64encode(pickle.dumps(calls()["exec"])).decode()
    return {
        "a command": part("subprocess", "run", {"args": SHELL, "shell": True}),
        "a class of any module": part("antigravity", "Anything", {}),
        "a function of os": sequential(
            part("keras.layers", "Activation", {"activation": part("os", "function", "system")})
        ),
        "the end of safe mode": part("keras.config", "enable_unsafe_deserialization", {}),
        "bytecode": sequential(part("keras.layers", "Lambda", {"function": function})),
        "bytecode in an old form": sequential(
            part("keras.layers", "Lambda", {"function": [code, None, None]})
        ),
        "a program elsewhere": sequential(
            part("keras.layers", "TFSMLayer", {"filepath": "/etc", "call_endpoint": "serve"})
        ),
        "a module of torch": sequential(
            part("keras.layers", "TorchModuleWrapper", {"module": pickled})
        ),
        "words of another file": sequential(
            part("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"})
        ),
        "no end": [[]],
    }


def hdf5(link: bool) -> bytes:
    """HDF5 whose weights are in another file, or whose configuration runs code."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        if link:
            file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")
        file.attrs["model_config"] = json.dumps(configurations()["bytecode"])
    return buffer.getvalue()


def files() -> Iterator[tuple[str, dict[str, bytes]]]:
    """The files under ``data/`` by what is in them."""
    for name, config in configurations().items():
        yield f"naming {name}", {"model.keras": keras_zip(config)}
    good = sequential()
    outside = {"../../outside": b"x", "/tmp/outside": b"x", "assets/../../outside": b"x"}
    yield "with members outside of it", {"model.keras": keras_zip(good, **outside)}
    yield "that is a pickle", {"model.keras": pickle.dumps(calls()["exec"])}
    objects = {"custom_objects.cloudpickle": pickle.dumps({"a": Call(exec, PYTHON)})}
    yield "beside a pickle of classes", {"model.keras": keras_zip(good), **objects}
    names = {"keras_module.txt": b"antigravity", "save_format.txt": b"h5"}
    yield "to be read with any module", {"model.h5": b"\x89HDF\r\n\x1a\n", **names}
    if find_spec("h5py"):
        weights = {"model.weights.h5": hdf5(True)}
        yield "with weights elsewhere", {"model.keras": keras_zip(good, **weights)}
        yield "of HDF5 with bytecode", {"model.h5": hdf5(False)}


def field(number: int, content: bytes | str) -> bytes:
    """A field of a protocol buffer; of less than 128 bytes, or two digits of its length."""
    data = content.encode() if isinstance(content, str) else content
    length = [len(data)] if len(data) < 128 else [len(data) & 127 | 128, len(data) >> 7]
    return bytes([number << 3 | 2, *length]) + data


def program(*ops: str, asset: str | None = None) -> bytes:
    graph = b"".join(field(1, field(1, op) + field(2, op)) for op in ops)
    meta = field(1, field(4, "serve")) + field(2, graph)
    if asset:
        meta += field(6, field(2, asset))
    return b"\x08\x01" + field(2, meta)


PROGRAMS = {
    "files": program("ReadFile", "WriteFile", "MatchingFiles"),
    "Python": program("PyFunc", "EagerPyFunc", "PyFuncStateless"),
    "the network": program("RpcServer", "DebugIdentity"),
    "an asset outside": program(asset="../../../etc/passwd"),
    "nothing": b"",
}


def folders() -> Iterator[tuple[str, Builder]]:
    """Each file in each of the layouts that read it, with and without ``python_function``."""
    keras = {"data": "data", "keras_backend": "tensorflow", "keras_version": "3"}
    readers = {
        "keras": {"keras": keras},
        "tensorflow": {"tensorflow": {"data": "data", "model_type": "keras"}},
    }
    for reader, sections in readers.items():
        for name, contents in files():

            def model(folder: Path, sections=sections, contents=contents, reader=reader) -> None:
                python = pyfunc(loader_module=f"mlflow.{reader}", data="data")
                descriptor(folder, python_function=python, **sections)
                (folder / "data").mkdir()
                for file, content in contents.items():
                    (folder / "data" / file).write_bytes(content)

            yield f"a Keras model {name}, for {reader}", model
    programs = {
        "module": {"tensorflow": {"model_type": "tf2-module", "saved_model_dir": "data/model"}},
        "estimator": {
            "tensorflow": {
                "model_type": "tf1-estimator",
                "saved_model_dir": "data/model",
                "meta_graph_tags": ["serve"],
                "signature_def_key": "serving_default",
            }
        },
        "exported model": {"keras": {**keras, "save_exported_model": True}},
        "old Keras model": {"keras": keras},
    }
    for kind, sections in programs.items():
        for name, content in PROGRAMS.items():

            def saved_model(folder: Path, sections=sections, content=content) -> None:
                descriptor(folder, python_function=pyfunc(data="data"), **sections)
                (folder / "data" / "model" / "variables").mkdir(parents=True)
                (folder / "data" / "model" / "saved_model.pb").write_bytes(content)

            yield f"a program of {name}, as a {kind}", saved_model
    for place in ("/etc", "../..", "data/../../.."):

        def elsewhere(folder: Path, place=place) -> None:
            section = {"model_type": "tf2-module", "saved_model_dir": place}
            descriptor(folder, python_function=pyfunc(), tensorflow=section)

        yield f"a program in {place}", elsewhere
