"""A loaded model of any flavor, behind one ``predict``."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from flavorkit import uris
from flavorkit.descriptor import PYFUNC, ModelDescriptor, inside
from flavorkit.environment.mismatch import check_installed
from flavorkit.errors import DescriptorError, InvalidInputError
from flavorkit.flavors.base import Flavor
from flavorkit.flavors.loading import LoadedModel, load_native
from flavorkit.flavors.python_function.python_model import config_of
from flavorkit.signature import ModelSignature, ParamSchema, Schema, compile_schema, html, params
from flavorkit.signature.containers import adapt, without_tensors
from flavorkit.signature.decode import Decoder
from flavorkit.trust.policy import Trust


class PyFuncModel:
    """One model, ready to predict.

    What depends on the model alone, such as the checks that its signature asks for, is worked out
    when it is made; :meth:`predict` does what depends on the data.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        if loaded.flavor.needs_pyfunc and PYFUNC not in loaded.descriptor.flavors:
            raise DescriptorError(
                loaded.flavor.name,
                "flavors",
                f"the model cannot predict: it was saved without {PYFUNC}; load it with"
                f" flavorkit.{loaded.flavor.name}.load_model",
            )
        self._loaded = loaded
        self._accepts = loaded.flavor.accepts
        self._predict = loaded.flavor.predictor(loaded.native, loaded.config)
        self._stream = loaded.flavor.streamer(loaded.native, loaded.config)
        # Data for type hints is checked by what made them; the signature is what it says to others.
        self._checks_itself = loaded.flavor.checks_data(loaded.native)
        schema = None if self._checks_itself else self.input_schema
        self._enforce = None if schema is None else compile_schema(schema)
        self._params = self.params_schema

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict one output for each input row.

        Args:
            data: a pandas or polars frame, an Arrow table, an array of shape ``(rows, features)``,
                a sparse matrix, a dict of column name to 1-d array, or a list of rows;
                PyTorch's tensors are arrays. If the model has a signature, the data must fit it, or
                be convertible without loss.
            params: inference parameters, as the signature declares them.

        Raises:
            InvalidInputError: data or parameters do not fit; the message names each at fault.
        """
        return self.predict_enforced(*self.enforce(data, params))

    def enforce(
        self, data: Any, params: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """The data and parameters as the signature describes them; see :meth:`predict`."""
        if self._enforce is not None:
            data = self._enforce(without_tensors(data))
        return data, self._enforce_params(params)

    def predict_enforced(self, data: Any, params: Mapping[str, Any]) -> Any:
        """As :meth:`predict`, for data and parameters that are known to fit the signature."""
        return self._predict(self._adapted(data), params)

    def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """The parts of one answer, as the model makes them; arguments as for :meth:`predict`.

        Raises:
            InvalidInputError: the model does not answer in parts, or data do not fit.
        """
        if self._stream is None:
            raise InvalidInputError("the model has no predict_stream; call predict")
        enforced, given = self.enforce(data, params)
        parts: Iterator[Any] = self._stream(self._adapted(enforced), given)
        return parts

    @cached_property
    def decoder(self) -> Decoder:
        """Turns the JSON of a request into what :meth:`predict_enforced` takes."""
        return Decoder(self.signature, checks_itself=self._checks_itself)

    @cached_property
    def quick_decoder(self) -> Decoder:
        """As :attr:`decoder`, but columns that the model takes as one array become one."""
        return Decoder(
            self.signature, checks_itself=self._checks_itself, as_matrix=self.takes_matrix
        )

    @property
    def serving_example(self) -> Any | None:
        """The body of a request that carries the model's input example, parsed; None without one.

        Raises:
            DescriptorError: the path of the example leaves the model's folder.
            ValueError: the file is not JSON.
        """
        info = self.metadata.saved_input_example_info or {}
        name = info.get("serving_input_path")
        if not name:
            return None
        path = inside(self._loaded.folder, str(name))
        return json.loads(path.read_text("utf-8")) if path.is_file() else None

    @property
    def metadata(self) -> ModelDescriptor:
        """The model's MLmodel file."""
        return self._loaded.descriptor

    @property
    def signature(self) -> ModelSignature | None:
        """What the model takes and gives, if it says so."""
        return self._loaded.descriptor.signature

    @property
    def input_schema(self) -> Schema | None:
        """The columns or tensors it takes."""
        return self.signature.inputs if self.signature else None

    @property
    def params_schema(self) -> ParamSchema | None:
        """The inference parameters it takes."""
        return self.signature.params if self.signature else None

    @property
    def flavor(self) -> Flavor:
        """The flavor that loaded it."""
        return self._loaded.flavor

    @property
    def is_row_wise(self) -> bool:
        """Whether each row's prediction is known to depend on that row alone."""
        return self.flavor.row_wise(self._loaded.native)

    @property
    def takes_matrix(self) -> bool:
        """Whether an array is predicted on as a frame of its columns is."""
        schema = self.input_schema
        if schema is None or schema.is_tensor_spec():
            return False
        return self.flavor.takes_matrix(self._loaded.native, list(map(str, schema.input_names())))

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hex digits that stand for its folder."""
        return self._loaded.manifest.digest

    @property
    def model_id(self) -> str | None:
        """The id a tracking server gave it."""
        return self._loaded.descriptor.model_id

    @property
    def loader_module(self) -> str | None:
        """What stock MLflow would load it with; flavorkit does not import it."""
        loader = self._loaded.descriptor.flavors.get(PYFUNC, {}).get("loader_module")
        return None if loader is None else str(loader)

    def get_raw_model(self) -> Any:
        """The framework's own object."""
        return self.flavor.unwrap(self._loaded.native)

    def unwrap_python_model(self) -> Any:
        """The model's own Python object, for models that are Python code.

        Raises:
            InvalidInputError: the model is a framework's.
        """
        if self.flavor.name != PYFUNC:
            raise InvalidInputError(
                f"the model is of the {self.flavor.name} flavor, not a PythonModel; call"
                " get_raw_model()"
            )
        return self.get_raw_model()

    @property
    def model_config(self) -> dict[str, Any]:
        """The model's configuration, with what the caller has overridden."""
        return dict(self._loaded.config.get("config") or {})

    def __repr__(self) -> str:
        return f"<PyFuncModel {self.flavor.name} {self.metadata.model_uuid} {self.digest[:19]}>"

    def _repr_html_(self) -> str:
        facts = {
            "flavor": self.flavor.name,
            "created": f"{self.metadata.utc_time_created} UTC",
            "uuid": self.metadata.model_uuid,
            "digest": self.digest,
        }
        shown = html.table("model", ("", ""), facts.items())
        return shown + (self.signature._repr_html_() if self.signature else "")

    def _adapted(self, data: Any) -> Any:
        if self._checks_itself and isinstance(data, list):
            return data
        return adapt(data, self._accepts)

    def _enforce_params(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        if not given and self._params is None:
            return {}
        extra = params.unknown(given, self._params)
        if extra:
            warnings.warn(
                f"the parameters {extra} are not in the model's signature and were ignored; those"
                " that a model takes are declared when it is saved, with"
                " input_example=(data, params) or in its signature",
                stacklevel=4,
            )
        return params.enforce(given, self._params)


def load_model(
    model_uri: str | Path,
    *,
    trust: Trust = None,
    dst_path: str | Path | None = None,
    model_config: Mapping[str, Any] | str | Path | None = None,
    strict_env: bool = False,
) -> PyFuncModel:
    """Load the model at ``model_uri``, of whatever flavor.

    Args:
        model_uri: a folder, or a URI of a scheme in :mod:`flavorkit.uris`.
        trust: how far you trust where it comes from. None loads data from anyone, and code from
            yourself and those in your keyring; "all" loads anything; see
            :mod:`flavorkit.trust.policy`.
        dst_path: where to put what has to be fetched.
        model_config: values in place of those in the model's own configuration: a mapping, or a
            YAML file; else the JSON in ``FLAVORKIT_PYFUNC_INFERENCE_CONFIG``.
        strict_env: refuse the model if other packages are installed than it lists; otherwise that
            is a warning.

    Raises:
        NotFoundError: there is no such model.
        IntegrityError: a file is not what was saved.
        TrustError: loading it takes more than ``trust`` allows; the message says what would.
        EnvironmentMismatchError: other packages are installed, and ``strict_env`` is set.
    """
    overrides = config_of(model_config) if model_config is not None else _config_of_environment()
    check = partial(check_installed, strict=strict_env)
    folder = uris.fetch(model_uri, dst_path)
    loaded = load_native(folder, trust=trust, model_config=overrides, before_building=check)
    return PyFuncModel(loaded)


def _config_of_environment() -> dict[str, Any]:
    for variable in ("FLAVORKIT_PYFUNC_INFERENCE_CONFIG", "MLFLOW_PYFUNC_INFERENCE_CONFIG"):
        if text := os.environ.get(variable):
            try:
                return config_of(json.loads(text))
            except (ValueError, TypeError) as exc:
                raise InvalidInputError(f"{variable} must be a JSON object: {exc}") from None
    return {}
