"""The manifest of KServe."""

from __future__ import annotations

import copy

import jsonschema
import pytest

from flavorkit.docker.deploy import kserve, text
from flavorkit.docker.deploy.workload import Scale
from flavorkit.errors import InvalidArgumentError
from tests.docker import deployments, published
from tests.docker.deployments import HOSTILE_VALUES, TWO_TO_FOUR, workload

CASES = {
    "small": (workload(), TWO_TO_FOUR, None),
    "full": (deployments.full_workload(), Scale(0, 9), "team-7"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_document_fits_the_published_schema(case):
    document = kserve.document(*CASES[case])
    published.check_kserve(document)
    assert published.parsed(text([document])) == [document]


@pytest.mark.parametrize("case", CASES)
def test_the_manifest_is_the_one_that_was_looked_at(case):
    deployments.golden(f"kserve-{case}.yaml", [kserve.document(*CASES[case])])


BREAKS = {
    "an unknown key of the service": lambda spec: spec.update(replicaz=1),
    "an unknown key of the predictor": lambda spec: spec["predictor"].update(minReplica=1),
    "an unknown key of the container": lambda spec: spec["predictor"]["containers"][0].update(
        livenesProbe={}
    ),
    "a number as text": lambda spec: spec["predictor"].update(minReplicas="1"),
    "no predictor": lambda spec: spec.pop("predictor"),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_a_broken_manifest_does_not_fit(broken):
    document = copy.deepcopy(kserve.document(*CASES["small"]))
    broken(document["spec"])
    with pytest.raises(jsonschema.ValidationError, match=r"is not|required|unexpected"):
        published.check_kserve(document)


def test_knative_takes_it():
    """Knative refuses what it does not know of a pod, and ports with other names than its own."""
    predictor = kserve.document(*CASES["full"])["spec"]["predictor"]
    assert predictor.keys() == {
        *("minReplicas", "maxReplicas", "containers", "volumes"),
        *("automountServiceAccountToken", "enableServiceLinks"),
    }
    (container,) = predictor["containers"]
    assert container["name"] == "kserve-container"
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    assert {container[name]["httpGet"]["port"] for name in container if "Probe" in name} == {8080}


def test_the_server_stops_in_the_time_that_a_pod_has():
    predictor = kserve.document(*CASES["small"])["spec"]["predictor"]
    variables = {v["name"]: float(v["value"]) for v in predictor["containers"][0]["env"]}
    assert variables["FLAVORKIT_DRAIN"] + variables["FLAVORKIT_GRACE"] < 30
    assert "terminationGracePeriodSeconds" not in predictor


@pytest.mark.parametrize("value", HOSTILE_VALUES)
def test_a_value_stays_a_value(value):
    document = kserve.document(workload(variables=(("VALUE", value),)), TWO_TO_FOUR)
    (read,) = published.parsed(text([document]))
    assert read == document
    last = read["spec"]["predictor"]["containers"][0]["env"][-1]
    assert last == {"name": "VALUE", "value": value.replace("$", "$$")}


def test_a_name_that_is_too_long_for_kserve_is_refused():
    kserve.document(workload(name="a" * 47), TWO_TO_FOUR)
    with pytest.raises(InvalidArgumentError, match=r"too long for KServe.* at most 47 characters"):
        kserve.document(workload(name="a" * 48), TWO_TO_FOUR)


def test_a_namespace_that_is_none_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"'A' is no namespace"):
        kserve.document(workload(), TWO_TO_FOUR, "A")
