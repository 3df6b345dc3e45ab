"""onnxruntime's sessions, and which of their settings a model folder may choose."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flavorkit.flavors import threads

EXECUTION_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""What a model names when nothing else is asked for, as in MLflow: a GPU where there is one."""

# Those that compute on this machine: the one of Azure sends the data elsewhere.
_LOCAL = frozenset(
    f"{name}ExecutionProvider"
    for name in (
        *("ACL", "ArmNN", "CANN", "CPU", "CUDA", "CoreML", "Dml", "Dnnl", "MIGraphX"),
        *("NvTensorRTRTX", "OpenVINO", "QNN", "ROCM", "Tensorrt", "VitisAI", "XNNPACK"),
    )
)
# Numbers and words. Others name files and libraries to load.
_PROVIDER_OPTIONS = frozenset(
    {
        *("arena_extend_strategy", "cudnn_conv_algo_search", "cudnn_conv_use_max_workspace"),
        *("device_id", "device_type", "do_copy_in_default_stream", "enable_cuda_graph"),
        *("gpu_mem_limit", "prefer_nhwc", "use_tf32"),
    }
)
_WORD = re.compile(r"[A-Za-z0-9_]{1,32}")

MAX_THREADS = 256
_Test = Callable[[Any], bool]
_IS_COUNT: _Test = lambda value: type(value) is int and 0 <= value <= MAX_THREADS  # noqa: E731
_IS_FLAG: _Test = lambda value: isinstance(value, bool)  # noqa: E731
_MODES = ("sequential", "parallel")
# Every option that a folder may set, and which values. Those that write files (profiles, optimized
# models) or load libraries (custom operators) are not among them.
_OPTIONS: dict[str, _Test] = {
    "inter_op_num_threads": _IS_COUNT,
    "intra_op_num_threads": _IS_COUNT,
    "execution_mode": lambda value: str(value).lower() in _MODES,
    "graph_optimization_level": lambda value: type(value) is int and value in {0, 1, 2, 3, 99},
    "enable_cpu_mem_arena": _IS_FLAG,
    "enable_mem_pattern": _IS_FLAG,
    "enable_mem_reuse": _IS_FLAG,
    "use_deterministic_compute": _IS_FLAG,
}
_EXTRA = "extra_session_config"
_EXTRA_ENTRIES = frozenset(
    {
        "session.disable_prepacking",
        "session.inter_op.allow_spinning",
        "session.intra_op.allow_spinning",
        "session.set_denormal_as_zero",
        "session.use_device_allocator_for_initializers",
    }
)


@dataclass(frozen=True)
class Settings:
    """What a session is made with, all of it reviewed."""

    providers: tuple[tuple[str, Mapping[str, str]], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    """What was asked for beside these, and is not reviewed."""

    @classmethod
    def of(cls, providers: Any, options: Any) -> Settings:
        """The settings in ``providers`` and ``onnx_session_options`` of a descriptor.

        Args:
            providers: a name, or a list of names and pairs of a name and its options; None for
                :data:`EXECUTION_PROVIDERS`.
            options: a mapping of names of onnxruntime's ``SessionOptions``, or None.

        Raises:
            ValueError: they have another form, or an option has a value that it cannot have.
        """
        given = dict(_mapping(options or {}, "onnx_session_options"))
        entries = _mapping(given.pop(_EXTRA, None) or {}, _EXTRA)
        refused = [name for name in given if name in _OPTIONS and not _OPTIONS[name](given[name])]
        refused += [
            key for key in entries if key in _EXTRA_ENTRIES and str(entries[key]) not in {"0", "1"}
        ]
        if refused:
            raise ValueError(f"onnx_session_options has no such value for {', '.join(refused)}")
        chosen, ignored = _providers(providers)
        return cls(
            providers=chosen,
            options={name: given[name] for name in given if name in _OPTIONS},
            extra={key: str(entries[key]) for key in entries if key in _EXTRA_ENTRIES},
            ignored=(
                *ignored,
                *sorted({*map(str, given)} - {*_OPTIONS}),
                *sorted({*map(str, entries)} - _EXTRA_ENTRIES),
            ),
        )


def session(source: bytes | Path, settings: Settings) -> Any:
    """An onnxruntime ``InferenceSession`` for a model that has been checked.

    It runs on those of the settings' providers that there are here, and on the CPU if there are
    none, or if they cannot be started.

    Args:
        source: the model, or the path of one whose tensors lie beside it.
        settings: what to make it with.
    """
    import onnxruntime

    available = set(onnxruntime.get_available_providers())
    usable = [(name, dict(given)) for name, given in settings.providers if name in available]
    cpu = "CPUExecutionProvider"
    if cpu not in dict(usable):
        usable.append((cpu, {}))
    model = source if isinstance(source, bytes) else str(source)

    def made(providers: Sequence[Any]) -> Any:
        # Its own fallback hides the first error behind lines on standard output.
        return onnxruntime.InferenceSession(
            model, _session_options(settings), providers=providers, enable_fallback=0
        )

    try:
        return made(usable)
    except Exception as exc:
        if len(usable) == 1:
            raise
        found = made([(cpu, {})])
        names = ", ".join(name for name, _ in usable)
        warnings.warn(f"the model runs on the CPU: {names} failed: {exc}"[:1000], stacklevel=2)
        return found


def _session_options(settings: Settings) -> Any:
    import onnxruntime

    made = onnxruntime.SessionOptions()
    # Bytes that begin like a file of its own format would be taken for one, which is unchecked.
    made.add_session_config_entry("session.load_model_format", "ONNX")
    made.intra_op_num_threads = threads.allowed() or 0
    for key, value in settings.extra.items():
        made.add_session_config_entry(key, value)
    enums = {
        "execution_mode": lambda value: getattr(
            onnxruntime.ExecutionMode, f"ORT_{str(value).upper()}"
        ),
        "graph_optimization_level": onnxruntime.GraphOptimizationLevel,
    }
    for name, value in settings.options.items():
        setattr(made, name, enums[name](value) if name in enums else value)
    return made


def _providers(
    given: Any,
) -> tuple[tuple[tuple[str, Mapping[str, str]], ...], tuple[str, ...]]:
    entries = [given] if isinstance(given, str) else given or EXECUTION_PROVIDERS
    if not isinstance(entries, list | tuple):
        raise ValueError(f"providers must be a list of names, got {type(entries).__name__}")
    chosen, ignored = [], []
    for entry in entries:
        name, options = (entry, {}) if isinstance(entry, str) else _pair(entry)
        if name not in _LOCAL:
            ignored.append(name)
            continue
        known = {key: str(value) for key, value in options.items() if key in _PROVIDER_OPTIONS}
        known = {key: value for key, value in known.items() if _WORD.fullmatch(value)}
        ignored += sorted(f"{name}.{key}" for key in options if key not in known)
        chosen.append((name, known))
    return tuple(chosen), tuple(ignored)


def _pair(entry: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(entry, list | tuple) or len(entry) != 2 or not isinstance(entry[0], str):
        raise ValueError("a provider must be a name, or a name and its options")
    return entry[0], _mapping(entry[1] or {}, entry[0])


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} must be a mapping, got {type(value).__name__}")
    return value
