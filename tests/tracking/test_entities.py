"""Entities are read as MLflow's are."""

from __future__ import annotations

import pytest

from flavorkit.tracking import entities


def of_both(module):
    """The same run, of the entities of ``module``."""
    metric = module.Metric("m", 1.0, 2, 3)
    data = (
        module.RunData([metric], {"p": "1"}, {"t": "2"})
        if module is entities
        else module.RunData([metric], [module.Param("p", "1")], [module.RunTag("t", "2")])
    )
    dataset = module.Dataset("n", "d", "local", "{}")
    return {
        "info": module.RunInfo(
            run_id="r",
            experiment_id="0",
            user_id="u",
            status="FINISHED",
            start_time=1,
            end_time=2,
            lifecycle_stage="active",
            artifact_uri="file:///a",
            run_name="x",
        ),
        "data": data,
        "metric": metric,
        "param": module.Param("p", "1"),
        "dataset": dataset,
        "input": module.DatasetInput(dataset, [module.InputTag("k", "v")]),
    }


@pytest.mark.parametrize("name", ["info", "metric", "param"])
def test_an_entity_is_a_mapping_like_mlflows(name):
    theirs = pytest.importorskip("mlflow.entities", reason="MLflow is not installed")
    mine, yours = (dict(of_both(module)[name]) for module in (entities, theirs))
    assert list(mine.items()) == list(yours.items())


@pytest.mark.parametrize("name", ["data", "metric", "dataset"])
def test_an_entity_becomes_a_dict_like_mlflows(name):
    theirs = pytest.importorskip("mlflow.entities", reason="MLflow is not installed")
    mine, yours = (of_both(module)[name].to_dictionary() for module in (entities, theirs))
    assert mine == yours


def test_a_run_becomes_a_dict_of_dicts():
    parts = of_both(entities)
    run = entities.Run(parts["info"], parts["data"], entities.RunInputs([parts["input"]]))
    told = run.to_dictionary()
    assert told["info"] == dict(parts["info"])
    assert told["data"] == {"metrics": {"m": 1.0}, "params": {"p": "1"}, "tags": {"t": "2"}}
    assert told["inputs"]["dataset_inputs"][0]["tags"] == [{"key": "k", "value": "v"}]
