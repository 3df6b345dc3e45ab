"""The compose file."""

from __future__ import annotations

import copy

import jsonschema
import pytest

from flavorkit.cli.server import server as server_command
from flavorkit.docker.deploy import compose, text
from flavorkit.docker.deploy.compose import TrackingServer
from flavorkit.docker.names import Image
from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.server.security import host_names
from flavorkit.tracking.server.settings import Settings
from tests.docker import deployments, published
from tests.docker.deployments import HOSTILE_VALUES, workload

BUILT = TrackingServer("1.2.3")
NAMED = TrackingServer("1.2.3", Image.parse("registry.example.com/flavorkit:1.2"), 15000)
CASES = {
    "small": (workload(), BUILT),
    "full": (deployments.full_workload(), NAMED, 18080),
}


@pytest.mark.parametrize("case", CASES)
def test_the_file_fits_the_published_schema(case):
    document = compose.document(*CASES[case])
    published.check_compose(document)
    assert published.parsed(text([document])) == [document]


@pytest.mark.parametrize("case", CASES)
def test_the_file_is_the_one_that_was_looked_at(case):
    deployments.golden(f"compose-{case}.yaml", [compose.document(*CASES[case])])


BREAKS = {
    "an unknown key of a service": lambda services: services["model"].update(imagee="x"),
    "an unknown key of the build": lambda services: services["server"]["build"].update(x="y"),
    "text for a switch": lambda services: services["model"].update(read_only=[True]),
    "a list for a name": lambda services: services["model"].update(image=["x"]),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_a_broken_file_does_not_fit(broken):
    document = copy.deepcopy(compose.document(*CASES["small"]))
    broken(document["services"])
    with pytest.raises(jsonschema.ValidationError, match=r"is not|unexpected"):
        published.check_compose(document)


@pytest.mark.parametrize("case", CASES)
def test_both_services_are_kept_in_and_reached_from_this_machine_alone(case):
    for service in compose.document(*CASES[case])["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def settings_of(document):
    """What `flavorkit server` makes of the command of the service."""
    name, *arguments = document["services"]["server"]["command"]
    assert name == "server"
    return server_command.make_context("server", arguments).params


def test_the_model_finds_the_server_and_the_server_knows_its_name():
    document = compose.document(*CASES["small"])
    uri = document["services"]["model"]["environment"]["FLAVORKIT_TRACKING_URI"]
    given = settings_of(document)
    assert uri == f"http://{given['allowed_hosts']}:{given['port']}"
    assert given["allowed_hosts"] in document["services"]
    settings = Settings(host=given["host"], allowed_hosts=(given["allowed_hosts"],))
    assert {"server", "localhost", "127.0.0.1"} <= host_names(settings)


def test_the_server_keeps_everything_in_its_volume():
    document = compose.document(*CASES["small"])
    given = settings_of(document)
    assert given["accept_no_auth"]
    assert given["backend_store_uri"] == "sqlite:////data/flavorkit.db"
    assert given["artifacts_destination"] == "/data/artifacts"
    assert document["services"]["server"]["volumes"] == ["data:/data"]
    assert document["volumes"] == {"data": {}}


def test_the_server_has_the_time_to_stop_that_it_takes():
    service = compose.document(*CASES["small"])["services"]["server"]
    assert int(service["stop_grace_period"].removesuffix("s")) > Settings().grace_seconds


def test_the_server_is_built_or_named():
    built = compose.document(*CASES["small"])["services"]["server"]
    assert '"flavorkit[tracking]==1.2.3"' in built["build"]["dockerfile_inline"]
    assert "\nUSER 65532:65532\n" in built["build"]["dockerfile_inline"]
    assert "image" not in built
    named = compose.document(*CASES["full"])["services"]["server"]
    assert named["image"] == "registry.example.com/flavorkit:1.2"
    assert "build" not in named


def test_only_a_model_that_has_to_be_fetched_waits_for_the_server():
    assert "depends_on" not in compose.document(workload(), BUILT)["services"]["model"]
    fetched = compose.document(workload(model_uri="models:/iris@champion"), BUILT)
    assert fetched["services"]["model"]["depends_on"] == {
        "server": {"condition": "service_healthy"}
    }


@pytest.mark.parametrize("value", HOSTILE_VALUES)
def test_a_value_stays_a_value(value):
    document = compose.document(workload(variables=(("VALUE", value),)), BUILT)
    (read,) = published.parsed(text([document]))
    assert read == document
    assert read["services"]["model"]["environment"] == {
        "FLAVORKIT_TRACKING_URI": "http://server:5000",
        "VALUE": value.replace("$", "$$"),
    }


@pytest.mark.parametrize("release", ["", "1.0\nRUN id", '1.0" && id', "$X", "1.0 --pre", "latest"])
def test_a_release_that_is_none_is_refused(release):
    with pytest.raises(InvalidArgumentError, match=r"is no release of flavorkit"):
        TrackingServer(release)


def test_one_port_for_both_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"cannot both listen on port 5000.* --port"):
        compose.document(workload(), BUILT, 5000)
