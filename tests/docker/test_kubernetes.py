"""The manifests of Kubernetes: what their schemas say, and what they promise."""

from __future__ import annotations

import copy

import kubernetes_validate
import pytest

from flavorkit.docker.deploy import kubernetes, text
from flavorkit.docker.deploy.workload import (
    DRAIN_SECONDS,
    GRACE_SECONDS,
    Scale,
    seconds_to_stop,
)
from flavorkit.errors import InvalidArgumentError
from flavorkit.serving.settings import Settings
from tests.docker import deployments, published
from tests.docker.deployments import HOSTILE_VALUES, TWO_TO_FOUR, UNPRINTABLE, workload


def deployed(**given):
    """The documents by their kinds, as they are read again."""
    documents = kubernetes.documents(workload(**given), TWO_TO_FOUR)
    assert published.parsed(text(documents)) == documents
    return {document["kind"]: document for document in documents}


def container_of(documents):
    (container,) = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


def environment_of(documents):
    return {variable["name"]: variable["value"] for variable in container_of(documents)["env"]}


CASES = {
    "small": (workload(), TWO_TO_FOUR, None),
    "full": (deployments.full_workload(), Scale(3, 9), "team-7"),
    "fixed": (workload(), Scale(1, 1), None),
}


@pytest.mark.parametrize("release", [published.OLDEST, published.NEWEST])
@pytest.mark.parametrize("case", CASES)
def test_every_document_fits_the_published_schema(case, release):
    for document in kubernetes.documents(*CASES[case]):
        published.check_kubernetes(document, release)


@pytest.mark.parametrize("case", CASES)
def test_the_manifests_are_those_that_were_looked_at(case):
    deployments.golden(f"kubernetes-{case}.yaml", kubernetes.documents(*CASES[case]))


BREAKS = {
    "an unknown key of the pod": lambda spec: spec["template"]["spec"].update(replicaz=1),
    "a misspelt probe": lambda spec: spec["template"]["spec"]["containers"][0].update(
        livenesProbe={}
    ),
    "a number as text": lambda spec: spec["template"]["spec"].update(
        terminationGracePeriodSeconds="40"
    ),
    "a number as a value": lambda spec: spec["template"]["spec"]["containers"][0]["env"].append(
        {"name": "A", "value": 1}
    ),
    "no selector": lambda spec: spec.pop("selector"),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_a_broken_manifest_does_not_fit(broken):
    document = copy.deepcopy(kubernetes.documents(*CASES["small"])[0])
    broken(document["spec"])
    with pytest.raises(kubernetes_validate.ValidationError, match=r"is not|required|unexpected"):
        published.check_kubernetes(document)


def test_the_selectors_choose_the_pods_and_the_autoscaler_the_deployment():
    documents = deployed()
    pod = documents["Deployment"]["spec"]["template"]
    for chooser in (
        documents["Deployment"]["spec"]["selector"]["matchLabels"],
        documents["Service"]["spec"]["selector"],
        documents["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        *(s["labelSelector"]["matchLabels"] for s in pod["spec"]["topologySpreadConstraints"]),
    ):
        assert chooser.items() <= pod["metadata"]["labels"].items()
    target = documents["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "iris")


def test_the_number_of_pods_is_left_to_the_autoscaler():
    documents = deployed()
    assert "replicas" not in documents["Deployment"]["spec"]
    autoscaler = documents["HorizontalPodAutoscaler"]["spec"]
    assert (autoscaler["minReplicas"], autoscaler["maxReplicas"]) == (2, 4)


def test_without_a_choice_there_is_no_autoscaler():
    fixed = kubernetes.documents(workload(), Scale(3, 3))
    assert [document["kind"] for document in fixed] == [
        "Deployment",
        "Service",
        "PodDisruptionBudget",
    ]
    assert fixed[0]["spec"]["replicas"] == 3


def test_the_probes_ask_the_server_where_it_listens():
    container = container_of(deployed())
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    asked = {name: container[name]["httpGet"] for name in container if name.endswith("Probe")}
    assert asked == {
        "startupProbe": {"path": "/health/ready", "port": "http"},
        "livenessProbe": {"path": "/health/live", "port": "http"},
        "readinessProbe": {"path": "/health/ready", "port": "http"},
    }


def test_the_container_can_do_nothing_but_serve():
    documents = deployed()
    assert container_of(documents)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    pod = documents["Deployment"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    # A service called "mlflow" would otherwise set MLFLOW_PORT to a URL.
    assert pod["enableServiceLinks"] is False


def test_the_times_are_those_of_the_server():
    settings = Settings()
    assert (settings.drain_seconds, settings.grace_seconds) == (DRAIN_SECONDS, GRACE_SECONDS)


@pytest.mark.parametrize(
    ("variables", "least"),
    [
        ((), 5 + 30),
        ((("FLAVORKIT_DRAIN", "12.5"),), 12.5 + 30),
        ((("FLAVORKIT_GRACE", "300"), ("FLAVORKIT_DRAIN", "0")), 300),
        ((("FLAVORKIT_GRACE", ""),), 5 + 30),
    ],
)
def test_a_pod_has_longer_to_stop_than_its_server_takes(variables, least):
    pod = deployed(variables=variables)["Deployment"]["spec"]["template"]["spec"]
    assert least < pod["terminationGracePeriodSeconds"] < least + 10


@pytest.mark.parametrize("value", ["x", "-1", "nan", "inf", "1e9", "1 s"])
def test_a_time_that_is_none_is_refused(value):
    with pytest.raises(
        InvalidArgumentError, match=r"FLAVORKIT_GRACE is '.*', which is no number of seconds"
    ):
        seconds_to_stop({"FLAVORKIT_GRACE": value})


@pytest.mark.parametrize("value", HOSTILE_VALUES)
def test_a_value_stays_a_value(value):
    given = (("BEFORE", "1"), ("VALUE", value), ("AFTER", "2"))
    documents = deployed(variables=given, model_uri=f"models:/{value}/1")
    escaped = value.replace("$", "$$")
    assert environment_of(documents) == {
        "FLAVORKIT_DRAIN": "5",
        "FLAVORKIT_MODEL_URI": f"models:/{escaped}/1",
        "BEFORE": "1",
        "VALUE": escaped,
        "AFTER": "2",
    }


@pytest.mark.parametrize("value", UNPRINTABLE)
def test_what_does_not_print_is_refused(value):
    with pytest.raises(InvalidArgumentError, match=r"the value of A has characters"):
        workload(variables=(("A", value),))
    with pytest.raises(InvalidArgumentError, match=r"the model's URI has characters"):
        workload(model_uri=value)


@pytest.mark.parametrize("name", ["", "A B", "A-B", "1A", "A\n", "\u0410", "=A", "$A"])
def test_what_is_no_variable_is_refused(name):
    with pytest.raises(InvalidArgumentError, match=r"is no environment variable"):
        workload(variables=((name, "x"),))


def test_variables_that_would_break_the_manifest_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"^FLAVORKIT_PORT is 8080 in an image"):
        workload(variables=(("FLAVORKIT_PORT", "1"),))
    with pytest.raises(InvalidArgumentError, match=r"^FLAVORKIT_HOST is every address"):
        workload(variables=(("FLAVORKIT_HOST", "127.0.0.1"),))
    with pytest.raises(InvalidArgumentError, match=r"^A is given twice"):
        workload(variables=(("A", "1"), ("A", "2")))
    with pytest.raises(InvalidArgumentError, match=r"^FLAVORKIT_MODEL_URI is given twice"):
        workload(variables=(("FLAVORKIT_MODEL_URI", "x"),), model_uri="y")


def test_an_empty_uri_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"the model's URI is empty"):
        workload(model_uri=" ")


@pytest.mark.parametrize("scale", [(3, 2), (-1, 2)])
def test_more_at_least_than_at_most_is_refused(scale):
    with pytest.raises(InvalidArgumentError, match=r"at least -?\d and at most 2 replicas"):
        Scale(*scale)


def test_a_namespace_that_is_none_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"'a\\nb' is no namespace"):
        kubernetes.documents(workload(), TWO_TO_FOUR, "a\nb")
