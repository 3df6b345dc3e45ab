"""What a run is known to have used and made, so that metrics find their model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from flavorkit.tracking.entities import LoggedModelOutput, Run


@dataclass
class Links:
    """The models and datasets of a run, as far as this process knows."""

    outputs: dict[int, list[str]] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    datasets: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, run: Run) -> Links:
        """What the store knows."""
        links = cls(
            models={used.model_id for used in run.inputs.model_inputs},
            datasets={(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs},
        )
        links.add_outputs(run.outputs.model_outputs)
        return links

    def add_outputs(self, outputs: Iterable[LoggedModelOutput]) -> None:
        """Note which models the run made, and at what steps."""
        for output in outputs:
            self.models.add(output.model_id)
            made = self.outputs.setdefault(output.step, [])
            if output.model_id not in made:
                made.append(output.model_id)
