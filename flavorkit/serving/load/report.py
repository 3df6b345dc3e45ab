"""What a run of load says: rates, percentiles, failures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from flavorkit.serving.load.generator import Plan, Result

PERCENTILES = {50.0: 1, 90.0: 10, 95.0: 20, 99.0: 100, 99.9: 1000}
"""Each with how many answers it takes: of fewer, it would be the slowest under another name."""


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of ``ordered`` that at least so many percent do not exceed (nearest rank)."""
    if not ordered:
        return math.nan
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def summary(plan: Plan, result: Result, rows: int | None) -> dict[str, Any]:
    """Everything about a run, as plain values; latencies are in milliseconds.

    Args:
        plan: what was asked for.
        result: what came of it.
        rows: how many rows one request has, if that is known.
    """
    ordered = sorted(result.latencies)
    good, total = len(ordered), sum(result.outcomes.values())
    rate = good / result.seconds if result.seconds else 0.0
    latency = {
        f"p{percent:g}": percentile(ordered, percent) * 1000 if good >= needed else math.nan
        for percent, needed in PERCENTILES.items()
    }
    if ordered:
        latency |= {"mean": sum(ordered) / good * 1000, "max": ordered[-1] * 1000}
    return {
        "loop": "closed" if plan.rate is None else "open",
        "connections": plan.most_connections,
        "connections_used": result.connections,
        "rate_asked": plan.rate,
        "seconds": result.seconds,
        "warm_up_seconds": plan.warm_up_seconds,
        "interrupted": result.is_interrupted,
        "requests": total,
        "answered": good,
        "failed": total - good,
        "unsent": result.unsent,
        "unsent_share": result.unsent / max(total + result.unsent, 1),
        "outcomes": dict(sorted(result.outcomes.items())),
        "failures": dict(sorted(result.failures.items())),
        "requests_per_second": rate,
        "rows_per_request": rows,
        "rows_per_second": None if rows is None else rate * rows,
        "latency_ms": {name: None if math.isnan(v) else v for name, v in latency.items()},
    }
