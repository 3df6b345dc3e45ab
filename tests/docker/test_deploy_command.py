"""`flavorkit deploy`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from flavorkit.cli import main
from flavorkit.docker.deploy.workload import PORT
from flavorkit.version import __version__
from tests.docker import published
from tests.docker.deployments import DIGEST

IMAGE = "registry.example.com/team/iris:1"
TARGETS = ["kubernetes", "kserve", "compose"]


def run(*args):
    return CliRunner().invoke(main, ["deploy", *map(str, args)])


def written(*args):
    done = run(*args)
    assert done.exit_code == 0, done.output
    return published.parsed(done.output)


def refused(*args):
    """The message of a command that wrote nothing."""
    done = run(*args)
    assert done.exit_code == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_kubernetes_writes_what_its_options_say():
    deployment, service, _, autoscaler = written(
        *("kubernetes", IMAGE, "--name", "flowers", "--namespace", "team", "--replicas", 3),
        *("--max-replicas", 7, "--cpu", "0.5", "--memory", "512Mi", "--env", "A=b=c"),
        *("--model-uri", "models:/iris/3"),
    )
    for document in (deployment, service, autoscaler):
        published.check_kubernetes(document)
        assert document["metadata"]["name"] == "flowers"
        assert document["metadata"]["namespace"] == "team"
    assert autoscaler["spec"]["minReplicas"] == 3
    assert autoscaler["spec"]["maxReplicas"] == 7
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "512Mi"}
    assert container["resources"]["requests"] == container["resources"]["limits"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert variables.items() >= {("A", "b=c"), ("FLAVORKIT_MODEL_URI", "models:/iris/3")}


def test_kserve_writes_what_its_options_say():
    (service,) = written("kserve", IMAGE, "--replicas", 0, "--namespace", "team", "--cpu", 2)
    published.check_kserve(service)
    predictor = service["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (0, 1)
    assert predictor["containers"][0]["resources"]["limits"]["cpu"] == "2"


def test_compose_writes_what_its_options_say():
    (file,) = written(
        *("compose", IMAGE, "--port", 18080, "--server-port", 15000, "--cpu", "1500m"),
        *("--memory", "2Gi", "--server-image", "registry.example.com/flavorkit:1"),
    )
    published.check_compose(file)
    model, server = file["services"]["model"], file["services"]["server"]
    assert model["ports"] == [f"127.0.0.1:18080:{PORT}"]
    assert (model["cpus"], model["mem_limit"]) == (1.5, "2048m")
    assert server["ports"] == ["127.0.0.1:15000:5000"]
    assert server["image"] == "registry.example.com/flavorkit:1"


def test_compose_builds_the_server_of_this_release():
    (file,) = written("compose", IMAGE)
    dockerfile = file["services"]["server"]["build"]["dockerfile_inline"]
    assert f'"flavorkit[tracking]=={__version__}"' in dockerfile


def test_replicas_double_when_nobody_says_otherwise():
    autoscaler = written("kubernetes", IMAGE, "--replicas", 5)[-1]
    assert autoscaler["spec"]["maxReplicas"] == 10


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("image", "name"),
    [("iris", "iris"), (DIGEST, "churn-model"), ("a/b.c__d:1", "b-c--d")],
)
def test_the_name_is_the_last_part_of_the_image(target, image, name):
    document = written(target, image)[0]
    assert document.get("metadata", document)["name"] == name


@pytest.mark.parametrize("image", ["7zip", f"team/{'a' * 64}"])
def test_an_image_whose_name_is_none_for_a_service_needs_a_name(image):
    assert "choose one with --name" in refused("kubernetes", image)
    assert written("kubernetes", image, "--name", "x")


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_options_write_the_same(target):
    options = (target, IMAGE, "--env", "B=1", "--env", "A=2")
    assert run(*options).output == run(*options).output


def test_the_output_is_a_file(tmp_path):
    path = tmp_path / "iris.yaml"
    done = run("kubernetes", IMAGE, "-o", path)
    assert (done.exit_code, done.output) == (0, "")
    assert path.read_text() == run("kubernetes", IMAGE).output
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(tmp_path):
    path = tmp_path / "iris.yaml"
    path.write_text("mine")
    assert "add --overwrite to replace it" in refused("kubernetes", IMAGE, "-o", path)
    assert path.read_text() == "mine"
    assert run("kubernetes", IMAGE, "-o", path, "--overwrite").exit_code == 0
    assert path.read_text() == run("kubernetes", IMAGE).output


def test_a_refused_value_leaves_no_file(tmp_path):
    refused("kubernetes", IMAGE, "--cpu", "x", "-o", tmp_path / "iris.yaml")
    assert not list(tmp_path.iterdir())


def test_a_file_in_no_folder_is_an_error(tmp_path):
    assert "No such file or directory" in refused("compose", IMAGE, "-o", tmp_path / "no" / "x")


INJECTIONS = [
    *("", " ", "-t x", "a;id", "a$(id)", "a`id`", "${VAR}", "a\nRUN id", "a\r\nb", "a\tb", "a\0b"),
    *("a b", "a\n---\nkind: Pod", "a: b", "a\u202eb", "\u03b1", "n\u03c5mpy", "a'b", 'a"b', "a\\b"),
    *("{a}", "[a]", "*a", "&a", "!a", "a#", "../a", "a/../b", "a//b", "/a", "a/", "a\n"),
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_image_is_refused(target, text):
    assert "is no name of an image" in refused(target, "--", text)


@pytest.mark.parametrize("text", [*INJECTIONS, "-a", "a-", "A", "a_b", "a.b", "7", "a" * 64])
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_name_is_refused(target, text):
    assert "is no name of a service" in refused(target, IMAGE, f"--name={text}")


@pytest.mark.parametrize("text", [*INJECTIONS, "-a", "a-", "A", "a_b", "a.b", "a" * 64])
@pytest.mark.parametrize("target", ["kubernetes", "kserve"])
def test_what_is_no_namespace_is_refused(target, text):
    assert "is no namespace" in refused(target, IMAGE, f"--namespace={text}")


@pytest.mark.parametrize(
    "text",
    [*INJECTIONS, "0", "0m", "0.000", "-1", "1.", ".5", "1.2345", "1e3", "1M", "\u0661", "9" * 9],
)
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_number_of_processors_is_refused(target, text):
    assert "is no number of processors" in refused(target, IMAGE, f"--cpu={text}")


@pytest.mark.parametrize(
    "text", [*INJECTIONS, "0", "0Mi", "512", "512m", "512MB", "1.5Gi", "1 Gi", "\u0661Gi", "9" * 99]
)
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_amount_of_memory_is_refused(target, text):
    assert "is no amount of memory" in refused(target, IMAGE, f"--memory={text}")


@pytest.mark.parametrize("text", ["A=1\nRUN id", "A=1\0", "A B=1", "A", "=1", "A-B=1", "$A=1", ""])
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_variable_is_refused(target, text):
    message = refused(target, IMAGE, f"--env={text}")
    assert "is no environment variable" in message or "do not print" in message


@pytest.mark.parametrize("text", ["a\nb", "a\0b", "a\x1b[2J", "", " "])
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_uri_is_refused(target, text):
    assert "the model's URI" in refused(target, IMAGE, f"--model-uri={text}")


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_is_no_image_of_a_server_is_refused(text):
    assert "is no name of an image" in refused("compose", IMAGE, f"--server-image={text}")


def test_more_at_least_than_at_most_is_refused():
    assert "--max-replicas" in refused("kubernetes", IMAGE, "--replicas", 3, "--max-replicas", 2)
