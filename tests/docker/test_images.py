"""Images built and run by a real engine: what they answer, and how they behave."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import flavorkit
from flavorkit import manifest
from flavorkit.docker import build as flavorkit_docker
from flavorkit.docker.build import build_image
from flavorkit.docker.engine import Build
from flavorkit.docker.names import Image
from flavorkit.docker.plan import Options
from flavorkit.docker.recipe import SBOM
from flavorkit.errors import ImageBuildError
from flavorkit.serving.load.client import Client, Target
from tests.docker.conftest import output

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("docker")]

# What a platform that trusts nobody starts a container with.
HARDENED = (
    *("--read-only", "--user", "12345", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--memory", "1g"),
)


@dataclass(frozen=True)
class Case:
    """A model, and what it predicts in this process."""

    folder: Path
    rows: pd.DataFrame
    expected: Any
    trust: str | None = None
    options: Options = Options()  # noqa: RUF009 - frozen


def sklearn_case(folder: Path, iris: Any) -> Case:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000).fit(*iris)
    flavorkit.save_model(model, folder, input_example=iris[0][:2])
    return Case(folder, iris[0][:20], model.predict(iris[0][:20]))


def xgboost_case(folder: Path, iris: Any) -> Case:
    from xgboost import XGBClassifier

    model = XGBClassifier(n_estimators=5).fit(*iris)
    # On PyPI the package of this name brings CUDA along, which the model does not need.
    flavorkit.save_model(
        model, folder, input_example=iris[0][:2], pip_requirements=["xgboost-cpu", "scikit-learn"]
    )
    return Case(folder, iris[0][:20], model.predict(iris[0][:20]))


def pytorch_case(folder: Path, iris: Any, wheels: Path) -> Case:
    import torch

    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    rows = iris[0][:20].to_numpy("float32").copy()
    flavorkit.save_model(model, folder, input_example=rows[:2])
    # PyPI's build brings CUDA along; the one that is installed here does not.
    version = torch.__version__
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
    subprocess.run([*pip, f"torch=={version}"], check=True)
    options = Options(wheels=wheels)
    return Case(
        folder, pd.DataFrame(rows), model(torch.from_numpy(rows)).detach().numpy(), None, options
    )


def python_case(folder: Path, home: Path) -> Case:
    """A Python model with code and an artifact of its own."""
    (home / "pricing.py").write_text("def price(area, rate):\n    return area * rate\n")
    (home / "rate.json").write_text("2.5")
    (home / "model.py").write_text(
        "import json\n"
        "from flavorkit.models import set_model\n"
        "from flavorkit.pyfunc import PythonModel\n"
        "from pricing import price\n"
        "class Prices(PythonModel):\n"
        "    def load_context(self, context):\n"
        "        with open(context.artifacts['rate']) as file:\n"
        "            self.rate = json.load(file)\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return price(model_input['area'], self.rate).to_numpy()\n"
        "set_model(Prices())\n"
    )
    rows = pd.DataFrame({"area": [1.0, 2.0, 4.0]})
    flavorkit.pyfunc.save_model(
        folder,
        python_model=str(home / "model.py"),
        code_paths=[str(home / "pricing.py")],
        artifacts={"rate": str(home / "rate.json")},
        pip_requirements=["pandas"],
        input_example=rows,
    )
    return Case(folder, rows, rows["area"] * 2.5)


def mlflow_case(folder: Path, iris: Any) -> Case:
    import mlflow
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier(random_state=0).fit(*iris)
    with warnings.catch_warnings(action="ignore"):  # it is not made for this pandas
        mlflow.sklearn.save_model(
            *(model, str(folder)),
            serialization_format="cloudpickle",
            pip_requirements=["mlflow==3.17.2", "scikit-learn", "cloudpickle"],
            input_example=iris[0][:2],
        )
    digest = manifest.verify(folder).digest
    return Case(folder, iris[0][:20], model.predict(iris[0][:20]), digest)


@pytest.fixture(scope="session")
def made(iris, tmp_path_factory, docker):
    """Makes the case of a name, and its image; each once."""
    cases: dict[str, tuple[Case, str]] = {}

    def make(name: str) -> tuple[Case, str]:
        if name not in cases:
            home = tmp_path_factory.mktemp(name)
            folder = home / "m"
            match name:
                case "sklearn":
                    case = sklearn_case(folder, iris)
                case "xgboost":
                    case = xgboost_case(folder, iris)
                case "pytorch":
                    case = pytorch_case(folder, iris, home / "wheels")
                case "python":
                    case = python_case(folder, home)
                case _:
                    case = mlflow_case(folder, iris)
            image = f"flavorkit-tests/{name}:1"
            build_image(str(folder), image, trust=case.trust, options=case.options, quiet=True)
            cases[name] = case, image
        return cases[name]

    yield make
    for _, image in cases.values():
        output(docker.path, "image", "rm", "--force", image)


@pytest.fixture(params=["sklearn", "xgboost", "pytorch", "python", "mlflow"])
def case(request, made):
    return made(request.param)[0]


@pytest.fixture
def image(request, made):
    return made(request.node.callspec.params["case"])[1]


@pytest.fixture
def small(made):
    """The image of a scikit-learn model, and the model."""
    return made("sklearn")


def payload(rows: pd.DataFrame) -> dict[str, Any]:
    if list(rows.columns) == list(range(rows.shape[1])):  # a tensor
        return {"instances": rows.to_numpy().tolist()}
    return {"dataframe_split": rows.to_dict("split", index=False)}


def test_it_answers_as_the_model_does_where_nothing_may_be_written(case, image, run):
    container = run(image, *HARDENED, "--cpus", "1")
    container.wait_until_healthy()
    status, answer = container.request("POST", "/invocations", payload(case.rows))
    assert status == 200, answer
    np.testing.assert_allclose(answer["predictions"], np.asarray(case.expected), rtol=1e-5)
    assert "1 worker" in container.logs()
    assert container.stop() == 0


def test_it_loses_nothing_when_it_is_stopped_under_load(case, image, run):
    container = run(image, *HARDENED, "--env", "FLAVORKIT_DRAIN=1")
    container.wait_until_ready()
    body = json.dumps(payload(case.rows[:1])).encode()
    target = Target.of(f"http://{container.host}:8080", body, "application/json")
    answered, told = Counter(), []

    async def drive(number):
        """As behind a proxy, which sends no more to a server that closes its connections."""
        client = Client(target)
        while not told or client.is_open:
            answered[await client.call()] += 1
            if not client.is_open:
                told.append(number)
        await client.close()

    async def stop():
        while answered[200] < 50:
            await asyncio.sleep(0.01)
        return await asyncio.to_thread(container.stop)

    async def both():
        return (await asyncio.gather(stop(), *(drive(number) for number in range(8))))[0]

    assert asyncio.run(both()) == 0
    assert set(answered) == {200}


def test_workers_follow_the_processors_of_the_container(small, run):
    container = run(small[1], *HARDENED, "--cpus", "2")
    container.wait_until_ready()
    assert "2 workers" in container.logs()


def test_it_runs_with_a_writable_root_and_under_the_user_of_the_image(small, run):
    container = run(small[1])
    container.wait_until_ready()
    assert container.inspect("{{.Config.User}}") == "65532:65532"
    assert container.request("GET", "/version")[1]["model"]["digest"] == digest_of(small[0].folder)


def test_it_keeps_the_contract_of_sagemaker(small, run):
    """The model under /opt/ml/model, the argument serve, /ping and /invocations on port 8080."""
    container = run(small[1], command=("serve",))
    container.wait_until_ready()
    assert container.request("GET", "/ping")[0] == 200
    assert container.request("POST", "/invocations", payload(small[0].rows))[0] == 200


def test_other_commands_know_the_model_too(small, docker):
    said = output(docker.path, "run", "--rm", *HARDENED, small[1], "verify", "--json")
    assert json.loads(said)["digest"] == digest_of(small[0].folder)


def test_labels_survive_the_parser(small, docker, made):
    hostile = 'a "b" $HOME ${PATH} \\ `id` $(id) # x'
    name = "flavorkit-tests/labels:1"
    options = Options(labels=(f"com.example.said={hostile}",), env=(f"SAID={hostile}",))
    build_image(str(small[0].folder), name, options=options, quiet=True)
    try:
        labels = json.loads(
            output(docker.path, "inspect", "--format", "{{json .Config.Labels}}", name)
        )
        variables = json.loads(
            output(docker.path, "inspect", "--format", "{{json .Config.Env}}", name)
        )
    finally:
        output(docker.path, "image", "rm", "--force", name)
    assert labels["com.example.said"] == hostile
    assert f"SAID={hostile}" in variables
    assert labels["io.flavorkit.model.digest"] == digest_of(small[0].folder)
    signature = json.loads(labels["io.flavorkit.model.signature"])
    assert json.loads(signature["inputs"])[0]["name"] == "sepal length (cm)"


def test_two_builds_have_the_same_layers(small, docker, tmp_path):
    def layers(image: str) -> list[str]:
        said = output(docker.path, "inspect", "--format", "{{json .RootFS.Layers}}", image)
        return json.loads(said)

    again = "flavorkit-tests/again:1"
    folder = flavorkit.artifacts.download_artifacts(str(small[0].folder), dst_path=str(tmp_path))
    context = tmp_path / "context"
    flavorkit_docker.generate_dockerfile(folder, context)
    # Only the packages are taken from the cache: the model's layer and all after it are made anew.
    (context / "Dockerfile").write_text(
        (context / "Dockerfile").read_text().replace("ADD [", "ENV ANEW=1\nADD [")
    )
    output(docker.path, "build", "--quiet", "--tag", again, str(context))
    try:
        assert layers(again) == layers(small[1])
    finally:
        output(docker.path, "image", "rm", "--force", again)


def test_the_bill_of_materials_lists_what_is_in_the_image(small, docker):
    bill = json.loads(docker.read_file(Image.parse(small[1]), SBOM))
    names = {component["name"] for component in bill["components"]}
    assert {"scikit-learn", "flavorkit", "python", "libc6", "model"} <= names
    assert not JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill))


def test_a_build_refuses_a_model_that_was_altered_after_it_was_checked(small, docker, tmp_path):
    context = tmp_path / "context"
    flavorkit_docker.generate_dockerfile(str(small[0].folder), context)
    archive = (context / "model.tar").read_bytes()
    altered = archive.replace(b"flavors:", b"flavorz:")
    assert altered != archive
    (context / "model.tar").write_bytes(altered)
    build = Build(context, Image.parse("flavorkit-tests/altered:1"))
    with pytest.raises(ImageBuildError, match=r"MLmodel was altered"):
        docker.build(build, quiet=True)


def test_an_image_without_a_model_takes_one_that_is_mounted(small, docker, run):
    name = "flavorkit-tests/empty:1"
    build_image(None, name, options=Options(extras=("sklearn",)), quiet=True)
    try:
        nothing = run(name)
        output(docker.path, "wait", nothing.name)
        assert "there is no model folder at /opt/ml/model" in nothing.logs()
        mounted = f"type=bind,source={small[0].folder},target=/opt/ml/model,readonly"
        trust = f"FLAVORKIT_TRUST={digest_of(small[0].folder)}"
        container = run(name, *HARDENED, "--mount", mounted, "--env", trust)
        container.wait_until_ready()
        assert container.request("POST", "/invocations", payload(small[0].rows))[0] == 200
    finally:
        output(docker.path, "image", "rm", "--force", name)


def test_nothing_of_a_build_needs_a_shell_when_it_runs(small, docker):
    said = output(docker.path, "inspect", "--format", "{{json .Config}}", small[1])
    config = json.loads(said)
    assert config["Entrypoint"][0] == "/opt/venv/bin/python"
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "/opt/venv/bin/python"]


def digest_of(folder: Path) -> str:
    return manifest.verify(folder).digest
