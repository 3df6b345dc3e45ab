"""Requirements are what the model refers to, in the versions it was saved with."""

import subprocess
import sys
from importlib import metadata

import pytest

from flavorkit.environment.infer import distribution_of, infer, pin


def test_modules_become_pinned_distributions():
    found = infer({"sklearn.linear_model._base", "numpy", "collections", "builtins"}, ["skops"])
    assert found.lines == (
        f"numpy=={metadata.version('numpy')}",
        f"scikit-learn=={metadata.version('scikit-learn')}",
        f"skops=={metadata.version('skops')}",
    )


def test_flavorkit_itself_is_never_named():
    assert infer({"flavorkit.pyfunc"}, []).lines == ()


def test_mlflow_is_named_only_when_it_is_referred_to():
    assert infer({"mlflow.pyfunc"}, []).lines == (f"mlflow=={metadata.version('mlflow')}",)


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("sklearn", "scikit-learn"),
        ("yaml", "PyYAML"),
        ("dateutil", "python-dateutil"),
        ("numpy", "numpy"),
    ],
)
def test_the_distribution_of_a_module(module, distribution):
    __import__(module)
    assert distribution_of(module).lower() == distribution.lower()


def test_known_homes_are_not_looked_up():
    assert infer({"sklearn"}, ["scikit-learn"], home={"sklearn": "scikit-learn"}).names() == {
        "scikit-learn"
    }


def test_a_module_of_nobodys_is_said():
    with pytest.warns(
        UserWarning, match="refers to my_features, which no installed package provides"
    ):
        assert infer({"my_features.binning", "__main__"}, []).lines == ()


class Local:
    """A build of torch, as it is installed from its own index."""

    def __call__(self, package):
        return "2.13.0+cpu"


def test_local_versions_stay_installable(monkeypatch):
    monkeypatch.setattr(metadata, "version", Local())
    assert pin("torch") == "torch==2.13.0  # saved with 2.13.0+cpu"


def test_nothing_is_imported_and_no_process_started():
    code = """
import sys
from flavorkit.environment.infer import infer
events = []
watched = ("subprocess.Popen", "os.fork", "os.posix_spawn")
sys.addaudithook(lambda event, args: event in watched and events.append(event))
infer({"sklearn.base", "numpy.linalg"}, ["skops"])
print(events, "sklearn" in sys.modules, "numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False False"


def test_of_a_shared_namespace_the_loaded_part_is_meant():
    # In a process of its own: other tests load other parts of it.
    code = (
        "import google.protobuf\n"
        "from flavorkit.environment.infer import distribution_of\n"
        "print(distribution_of('google'))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "protobuf"
