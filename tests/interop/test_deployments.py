"""The client of deployments has the methods of MLflow's, with the same arguments."""

from __future__ import annotations

import inspect

import mlflow.deployments
import pytest

from flavorkit import deployments

METHODS = [
    name
    for name, _ in inspect.getmembers(mlflow.deployments.BaseDeploymentClient, inspect.isfunction)
    if not name.startswith("_")
]


def arguments(function):
    return [(one.name, one.default) for one in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_same_arguments(name):
    ours = getattr(deployments.BaseDeploymentClient, name)
    assert arguments(ours) == arguments(getattr(mlflow.deployments.BaseDeploymentClient, name))


@pytest.mark.parametrize("name", ["get_deploy_client", "run_local", "set_deployments_target"])
def test_a_function_has_the_same_arguments(name):
    assert arguments(getattr(deployments, name)) == arguments(getattr(mlflow.deployments, name))


def test_the_same_methods_must_be_written():
    theirs = mlflow.deployments.BaseDeploymentClient.__abstractmethods__
    assert deployments.BaseDeploymentClient.__abstractmethods__ == theirs
