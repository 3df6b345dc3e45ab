"""The MLmodel file: what a saved model says about itself.

This module reads, checks and writes one YAML file. It opens no network connection, imports no
framework and executes nothing that the file names. ``docs/format.md`` describes every key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from flavorkit import strict_yaml, uris
from flavorkit.errors import DescriptorError, SignatureError
from flavorkit.signature import ModelSignature

FILENAME = "MLmodel"
PYFUNC = "python_function"

MAX_FLAVORS = 100
# Where flavors name a file or folder of theirs. "model_code_path" is not among them: it is a path
# on the author's machine, of which only the last part is ever used.
_PATH_KEYS = {
    *("code", "data", "model_binary", "model_data", "model_path", "pickled_model"),
    *("python_model", "saved_model_dir", "serialized_explainer"),
}
_TEXT_KEYS = (
    "artifact_path",
    "flavorkit_version",
    "mlflow_version",
    "model_id",
    "model_uuid",
    "run_id",
    "utc_time_created",
)
_FLAGS = ("is_signature_from_type_hint", "type_hint_from_example")
_FLAVOR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, repr=False)
class ModelDescriptor:
    """The contents of one MLmodel file.

    Keys this version does not know are kept in ``extra`` and written back unchanged, so reading and
    rewriting a file made by a newer writer, or by MLflow, loses nothing.
    """

    flavors: Mapping[str, Mapping[str, Any]]
    signature: ModelSignature | None = None
    saved_input_example_info: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None
    model_size_bytes: int | None = None
    is_signature_from_type_hint: bool = False
    type_hint_from_example: bool = False
    artifact_path: str | None = None
    flavorkit_version: str | None = None
    mlflow_version: str | None = None
    model_id: str | None = None
    model_uuid: str | None = None
    run_id: str | None = None
    utc_time_created: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, raw: Any, *, path: object = FILENAME) -> ModelDescriptor:
        """Check ``raw`` and build a descriptor; ``path`` is only used in error messages.

        Raises:
            DescriptorError: a part is missing, malformed, or leads out of the folder.
        """
        check = _Checker(path)
        check.expect(raw, dict, "(top level)")
        values: dict[str, Any] = {key: check.text(raw, key) for key in _TEXT_KEYS}
        values |= {key: check.flag(raw, key) for key in _FLAGS}
        known = {*values, "flavors", "signature", "saved_input_example_info", "metadata"}
        known.add("model_size_bytes")
        return cls(
            flavors=check.flavors(raw.get("flavors")),
            signature=check.signature(raw.get("signature")),
            saved_input_example_info=check.example(raw.get("saved_input_example_info")),
            metadata=check.optional(raw, "metadata", dict),
            model_size_bytes=check.optional(raw, "model_size_bytes", int),
            extra={key: value for key, value in raw.items() if key not in known},
            **values,
        )

    def to_dict(self) -> dict[str, Any]:
        """The inverse of :meth:`from_dict`: ``from_dict(d.to_dict()) == d``."""
        out: dict[str, Any] = {
            **self.extra,
            "flavors": {name: dict(config) for name, config in self.flavors.items()},
            "model_id": self.model_id,
        }
        for key in (*_TEXT_KEYS, "model_size_bytes", "metadata", "saved_input_example_info"):
            value = getattr(self, key)
            if value is not None:
                out[key] = dict(value) if isinstance(value, Mapping) else value
        if self.signature is not None:
            out["signature"] = self.signature.to_dict()
            out.update({flag: getattr(self, flag) for flag in _FLAGS})
        return out

    @classmethod
    def read(cls, folder: Path) -> ModelDescriptor:
        """The descriptor of the model in ``folder``.

        Raises:
            DescriptorError: there is none, or it is malformed; the message names file and place.
        """
        path = Path(folder) / FILENAME
        if not path.exists():
            raise DescriptorError(path, "", "not found; is this the folder of a saved model?")
        return cls.from_dict(strict_yaml.read(path), path=path)

    @classmethod
    def load(cls, path: str | Path) -> ModelDescriptor:
        """The descriptor of the model at ``path``: its folder, its URI, or its MLmodel file.

        Raises:
            NotFoundError: there is no such folder.
            DescriptorError: there is no MLmodel file in it, or it is malformed.
        """
        if Path(path).name == FILENAME and Path(path).is_file():
            return cls.read(Path(path).parent)
        return cls.read(uris.fetch(path))

    def write(self, folder: Path) -> None:
        """Write the MLmodel file of ``folder``."""
        (Path(folder) / FILENAME).write_text(strict_yaml.dumps(self.to_dict()), "utf-8")

    def __repr__(self) -> str:
        flavors = ", ".join(self.flavors)
        return f"<ModelDescriptor {flavors} {self.model_uuid} {self.utc_time_created} UTC>"

    @property
    def native_flavors(self) -> list[str]:
        """The flavors that name a framework, in the order of the file."""
        return [name for name in self.flavors if name != PYFUNC]

    @property
    def loadable_flavors(self) -> list[str]:
        """The flavors that can be loaded: the native ones, or Python code where there is none."""
        return self.native_flavors or [PYFUNC]


def inside(folder: Path, relative: str) -> Path:
    """The path of ``relative``, a path that a descriptor names, under the model's ``folder``.

    Raises:
        DescriptorError: it would lead out of the folder.
    """
    if not is_inside(relative):
        raise DescriptorError(folder / FILENAME, "(paths)", f"{relative!r} leads out of the folder")
    return folder / relative


def is_inside(relative: object) -> bool:
    """Whether ``relative`` is a plain relative path that stays in the folder it starts from."""
    if not isinstance(relative, str) or not relative or len(relative) > 1024:
        return False
    if any(char in relative for char in "\\\0:") or not relative.isprintable():
        return False
    return not relative.startswith("/") and ".." not in PurePosixPath(relative).parts


class _Checker:
    """Checks the parts of one file; every error names the file and the part."""

    def __init__(self, path: object) -> None:
        self._path = path

    def error(self, where: str, problem: str) -> DescriptorError:
        return DescriptorError(self._path, where, problem)

    def expect(self, value: Any, kind: type, where: str) -> Any:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            expected = {dict: "a mapping", str: "a string", int: "a number", bool: "true or false"}
            raise self.error(where, f"expected {expected[kind]}, got {type(value).__name__}")
        return value

    def optional(self, raw: Mapping[str, Any], key: str, kind: type) -> Any:
        value = raw.get(key)
        return None if value is None else self.expect(value, kind, key)

    def text(self, raw: Mapping[str, Any], key: str) -> str | None:
        value = raw.get(key)
        # Without quotes a time or an id is of another YAML type; MLflow takes it all the same.
        return None if value is None or isinstance(value, dict | list) else str(value)[:4096]

    def flag(self, raw: Mapping[str, Any], key: str) -> bool:
        return bool(self.optional(raw, key, bool))

    def flavors(self, raw: Any) -> dict[str, dict[str, Any]]:
        flavors: dict[str, dict[str, Any]] = self.expect(raw, dict, "flavors")
        if not flavors:
            raise self.error("flavors", "expected at least one flavor")
        if len(flavors) > MAX_FLAVORS:
            raise self.error("flavors", f"more than {MAX_FLAVORS} flavors")
        for name, config in flavors.items():
            if not isinstance(name, str) or not _FLAVOR_NAME.fullmatch(name):
                raise self.error("flavors", f"{name!r} is not the name of a flavor")
            self.expect(config, dict, f"flavors.{name}")
            self._paths(config, f"flavors.{name}")
        return flavors

    def signature(self, raw: Any) -> ModelSignature | None:
        if raw is None:
            return None
        try:
            parts = self.expect(raw, dict, "signature")
            if not any(parts.get(key) for key in ("inputs", "outputs", "params")):
                return None
            return ModelSignature.from_dict(parts)
        except SignatureError as exc:
            raise self.error("signature", str(exc)) from None

    def example(self, raw: Any) -> dict[str, Any] | None:
        if raw is None:
            return None
        info: dict[str, Any] = self.expect(raw, dict, "saved_input_example_info")
        for key in ("artifact_path", "serving_input_path"):
            if key in info:
                self._path_value(info[key], f"saved_input_example_info.{key}")
        return info

    def _paths(self, config: Mapping[str, Any], where: str) -> None:
        for key, value in config.items():
            if key in _PATH_KEYS and isinstance(value, str):
                self._path_value(value, f"{where}.{key}")
        environments = config.get("env")
        if isinstance(environments, dict):
            for key, value in environments.items():
                self._path_value(value, f"{where}.env.{key}")
        for artifact in _dicts(config.get("artifacts")):
            self._path_value(artifact.get("path"), f"{where}.artifacts")
        for extra in _dicts(config.get("extra_files")):
            self._path_value(extra.get("path"), f"{where}.extra_files")

    def _path_value(self, value: object, where: str) -> None:
        if not is_inside(value):
            raise self.error(where, f"{value!r} leads out of the folder")


def _dicts(value: object) -> list[dict[str, Any]]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]
