"""What the machine is doing while a run lasts, logged as metrics; only where that is asked for."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from flavorkit.errors import FlavorkitError, MissingDependencyError
from flavorkit.tracking import environ
from flavorkit.tracking.entities import Metric, Run
from flavorkit.tracking.values import now

if TYPE_CHECKING:
    from flavorkit.tracking.client import FlavorkitClient

_logger = logging.getLogger(__name__)
_PREFIX = "system/"
_MEGABYTE = 1e6


@dataclass
class _Settings:
    """What was set in this process; None for what the environment says."""

    enabled: bool | None = None
    interval: float | None = None
    samples: int | None = None
    node_id: str | None = None


_settings = _Settings()


def enable_system_metrics_logging() -> None:
    """Log what the machine is doing into every run that begins from now on."""
    _settings.enabled = True


def disable_system_metrics_logging() -> None:
    """Do not, unless ``start_run`` says so."""
    _settings.enabled = False


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Look every so many seconds; 10 if None."""
    _settings.interval = interval


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Log the mean of so many looks; 1 if None."""
    _settings.samples = samples


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Name this machine in the metrics, where several log into one run."""
    _settings.node_id = node_id


def is_wanted(asked: bool | None) -> bool:
    """Whether a run logs them: what its caller asked for, else what was set."""
    if asked is not None:
        return asked
    if _settings.enabled is not None:
        return _settings.enabled
    return environ.flag("ENABLE_SYSTEM_METRICS_LOGGING", False)


class Probe(Protocol):
    """What reads some numbers of the machine."""

    def __call__(self) -> Mapping[str, float]:
        """The numbers as they are now."""


class Monitor:
    """A thread that logs what the machine is doing into a run.

    Args:
        client: of the run.
        run: that it logs into.
        probes: what it looks with.
        goes_on: count the steps on from those that the run has.
    """

    def __init__(
        self,
        client: FlavorkitClient,
        run: Run,
        probes: Sequence[Probe],
        *,
        goes_on: bool = False,
    ) -> None:
        self._client, self._run_id = client, run.info.run_id
        self._probes = probes
        self._interval = _settings.interval or environ.number(
            "SYSTEM_METRICS_SAMPLING_INTERVAL", 10
        )
        wanted = _settings.samples or environ.number("SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", 1)
        self._samples = max(1, int(wanted))
        node_id = _settings.node_id or environ.text("SYSTEM_METRICS_NODE_ID")
        self._prefix = f"{_PREFIX}{node_id}/" if node_id else _PREFIX
        self._step = _next_step(run, self._prefix) if goes_on else 0
        self._stopped = threading.Event()
        self._owner = os.getpid()
        self._thread = threading.Thread(
            target=self._watch, name="flavorkit-system-metrics", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Log what has been seen, and end."""
        if os.getpid() == self._owner:
            self._stopped.set()
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.is_set():
            seen: list[Mapping[str, float]] = []
            for _ in range(self._samples):
                seen.append(self._look())
                if self._stopped.wait(self._interval):
                    break
            try:
                self._log(_means(seen))
            except FlavorkitError as exc:
                _logger.warning("run %s: system metrics end here: %s", self._run_id, exc)
                return

    def _look(self) -> dict[str, float]:
        numbers: dict[str, float] = {}
        for probe in self._probes:
            numbers |= probe()
        return numbers

    def _log(self, means: Mapping[str, float]) -> None:
        at = now()
        metrics = [
            Metric(f"{self._prefix}{key}", value, at, self._step) for key, value in means.items()
        ]
        self._client.log_batch(self._run_id, metrics)
        self._step += 1


def _means(seen: list[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each number; of those that count from the start of the run, the last."""
    means = {}
    for key in {key: None for numbers in seen for key in numbers}:
        values = [numbers[key] for numbers in seen if key in numbers]
        means[key] = values[-1] if key.startswith("network_") else sum(values) / len(values)
    return {key: round(value, 1) for key, value in means.items()}


def _next_step(run: Run, prefix: str) -> int:
    steps = [one.step for one in run.data.latest_metrics if one.key.startswith(prefix)]
    return max(steps, default=-1) + 1


def probes() -> list[Probe]:
    """What there is to look with.

    Raises:
        MissingDependencyError: psutil is not installed.
    """
    try:
        import psutil
    except ImportError:
        raise MissingDependencyError(
            "logging system metrics", "psutil", extra="system-metrics"
        ) from None
    return [_cpu_of(psutil), _disk_of(psutil), _network_of(psutil), *_gpus()]


def _cpu_of(psutil: Any) -> Probe:
    def look() -> dict[str, float]:
        memory = psutil.virtual_memory()
        return {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / _MEGABYTE,
            "system_memory_usage_percentage": memory.used / memory.total * 100,
        }

    return look


def _disk_of(psutil: Any) -> Probe:
    def look() -> dict[str, float]:
        disk = psutil.disk_usage(os.sep)
        return {
            "disk_usage_percentage": disk.percent,
            "disk_usage_megabytes": disk.used / _MEGABYTE,
            "disk_available_megabytes": disk.free / _MEGABYTE,
        }

    return look


def _network_of(psutil: Any) -> Probe:
    before = psutil.net_io_counters()

    def look() -> dict[str, float]:
        now_ = psutil.net_io_counters()
        return {
            "network_receive_megabytes": (now_.bytes_recv - before.bytes_recv) / _MEGABYTE,
            "network_transmit_megabytes": (now_.bytes_sent - before.bytes_sent) / _MEGABYTE,
        }

    return look


def _gpus() -> list[Probe]:
    """Those of NVIDIA, where pynvml is installed and finds any."""
    try:
        import pynvml

        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except Exception:  # noqa: BLE001 - its errors exist only where it is installed
        return []
    return [_gpu_of(pynvml, number) for number in range(count)]


def _gpu_of(pynvml: Any, number: int) -> Probe:
    handle = pynvml.nvmlDeviceGetHandleByIndex(number)

    def look() -> dict[str, float]:
        try:
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            power = pynvml.nvmlDeviceGetPowerUsage(handle)
            return {
                f"gpu_{number}_memory_usage_percentage": memory.used / memory.total * 100,
                f"gpu_{number}_memory_usage_megabytes": memory.used / _MEGABYTE,
                f"gpu_{number}_utilization_percentage": pynvml.nvmlDeviceGetUtilizationRates(
                    handle
                ).gpu,
                f"gpu_{number}_power_usage_watts": power / 1000,
                f"gpu_{number}_power_usage_percentage": power
                / pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)
                * 100,
            }
        except pynvml.NVMLError as exc:
            _logger.debug("GPU %s cannot be read: %s", number, exc)
            return {}

    return look
