"""What every flavor promises, as tests that run for each model of each case."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.descriptor import FILENAME, ModelDescriptor
from flavorkit.environment import files
from flavorkit.errors import FlavorkitError, TrustError
from flavorkit.flavors.registry import all_flavors, flavor_for, get_flavor
from flavorkit.serving import answers
from flavorkit.signature import example
from flavorkit.testing import crowd
from flavorkit.testing.cases import Case, Model, assert_same, count_of, rows_of
from flavorkit.testing.served import Server

# Set where nothing that a test needs may be missing, as in continuous integration.
MAY_NOT_SKIP = "FLAVORKIT_TESTS_MAY_NOT_SKIP"

# Where set, tests that start processes run for all models, not for the first of each case.
EVERY = "FLAVORKIT_TEST_EVERY_MODEL"
_IN_A_PROCESS = {
    *("test_served_it_answers_the_same", "test_served_it_gives_everyone_their_own_answer"),
    "test_loading_imports_no_other_framework",
}

# What a folder holds beside the files of its flavor.
_COMMON = frozenset(
    {
        *(FILENAME, manifest.FILENAME, example.EXAMPLE, example.SERVING_EXAMPLE),
        *(files.REQUIREMENTS, files.CONDA_ENV, files.PYTHON_ENV),
    }
)
_THREADS = 8

PICKLE = b"cos\nsystem\n(S'touch CANARY'\ntR."

FRESH = """
import json, pathlib, sys
import flavorkit
from flavorkit.serving import answers
from flavorkit.signature import example
model = flavorkit.load_model(sys.argv[1])
data, params = example.read(pathlib.Path(sys.argv[1]), model.metadata.saved_input_example_info)
model.predict(data, params)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


class FlavorContract:
    """Inherit it in a class of tests, and name the :attr:`cases`."""

    cases: ClassVar[Sequence[Case]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test for each model."""
        if "case_and_model" in metafunc.fixturenames:
            grouped = metafunc.config.pluginmanager.hasplugin("xdist")
            starts_process = metafunc.function.__name__ in _IN_A_PROCESS
            is_short = starts_process and not os.environ.get(EVERY)
            params = list(parametrized(self.cases, grouped=grouped, is_short=is_short))
            metafunc.parametrize("case_and_model", params, scope="class")

    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, case_and_model: tuple[Case, Model]) -> Case:
        """The framework."""
        return case_and_model[0]

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, case_and_model: tuple[Case, Model]) -> Model:
        """The model."""
        return case_and_model[1]

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, case: Case, model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The model, saved with an example."""
        path = tmp_path_factory.mktemp("saved") / "model"
        model.save(path, flavor=case.flavor)
        return path

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, folder: Path) -> Iterator[Server]:
        """The model, served by one worker."""
        server = Server(folder)
        yield server
        server.kill()

    def test_the_type_names_the_flavor(self, case: Case, model: Model) -> None:
        if not model.has_own_type:
            pytest.skip("the flavor has to be named")
        assert flavor_for(model.native).name == case.flavor

    def test_a_round_trip_predicts_the_same(self, folder: Path, model: Model) -> None:
        loaded = flavorkit.load_model(folder)
        assert_same(loaded.predict(model.data), model.answer(model.data), model.rtol)

    def test_the_native_object_comes_back(self, folder: Path, case: Case, model: Model) -> None:
        native = getattr(flavorkit, case.flavor).load_model(folder)
        expected = model.expected(model.native, model.data)
        assert_same(model.expected(native, model.data), expected, model.rtol)

    def test_one_row(self, folder: Path, model: Model) -> None:
        if not model.is_row_for_row:
            pytest.skip("rows cannot be given one by one")
        one = rows_of(model.data, 0, 1)
        assert_same(flavorkit.load_model(folder).predict(one), model.answer(one), model.rtol)

    def test_no_row_is_answered_as_by_the_framework(self, folder: Path, model: Model) -> None:
        none = rows_of(model.data, 0, 0)
        loaded = flavorkit.load_model(folder)
        try:
            expected = model.answer(none)
        except Exception:  # noqa: BLE001 - whatever the framework refuses with
            with pytest.raises(Exception, match=r"."):  # what it says is the framework's
                loaded.predict(none)
        else:
            assert_same(loaded.predict(none), expected, model.rtol)

    @pytest.mark.parametrize("other", ["array", "dict", "list"])
    def test_other_containers_predict_the_same(
        self, folder: Path, model: Model, other: str
    ) -> None:
        converted = _converted(model, other)
        loaded = flavorkit.load_model(folder)
        # Another memory layout may round the last digit otherwise.
        rtol = max(model.rtol, 1e-12)
        assert_same(loaded.predict(converted), model.answer(model.data), rtol)

    def test_params_reach_the_framework(self, folder: Path, model: Model) -> None:
        if not model.params:
            pytest.skip("the model takes no parameters")
        loaded = flavorkit.load_model(folder)
        schema = loaded.params_schema
        assert schema is not None
        assert {spec.name for spec in schema.params} == set(model.params)
        given = loaded.predict(model.data, model.params)
        by_default = loaded.predict(model.data)
        assert_same(given, model.answer(model.data), model.rtol)
        assert_same(by_default, model.answer(model.data), model.rtol)
        with pytest.raises(AssertionError, match=r"."):  # the parameters do make a difference
            assert_same(given, model.expected(model.native, model.data), model.rtol)

    def test_the_signature_is_inferred_and_enforced(self, folder: Path, model: Model) -> None:
        loaded = flavorkit.load_model(folder)
        assert loaded.signature is not None
        assert loaded.signature.inputs is not None
        assert loaded.signature.outputs is not None
        with pytest.raises(FlavorkitError, match=r"missing|shape|expected|no rows|no columns"):
            loaded.predict(_too_narrow(model.data))

    def test_an_array_does_for_a_frame_where_the_flavor_says_so(
        self, folder: Path, model: Model
    ) -> None:
        loaded = flavorkit.load_model(folder)
        if not loaded.takes_matrix:
            pytest.skip("the flavor takes frames")
        data, params = loaded.enforce(model.data)
        if len(set(getattr(data, "dtypes", ()))) != 1:
            pytest.skip("the rows are no frame of one type")
        framed = loaded.predict_enforced(data, params)
        bare = loaded.predict_enforced(data.to_numpy(), params)
        rtol = max(model.rtol, 1e-12)  # another memory layout
        assert_same(np.asarray(bare), np.asarray(framed), rtol)

    def test_served_it_answers_the_same(self, server: Server, folder: Path, model: Model) -> None:
        loaded = flavorkit.load_model(folder)
        given, params = rows_of(model.data, 0, model.example_rows), dict(model.params)
        expected = model.answer(given)
        answer = server.invoke((folder / example.SERVING_EXAMPLE).read_bytes())
        assert answer.status == 200, answer.body
        predictions = answer.json()["predictions"]
        own = json.loads(answers.encode(loaded.predict(given, params or None)))
        assert predictions == own["predictions"]
        if isinstance(expected, np.ndarray):
            assert_same(predictions, expected.tolist(), max(model.rtol, 1e-6))

    def test_served_it_gives_everyone_their_own_answer(
        self, server: Server, folder: Path, model: Model
    ) -> None:
        refused = [_too_narrow(model.data)]
        asks = crowd.requests_for(model, flavorkit.load_model(folder), refused)
        crowd.assert_all_are_answered(server, asks)

    def test_saving_twice_gives_the_same(
        self, folder: Path, case: Case, model: Model, tmp_path: Path
    ) -> None:
        model.save(tmp_path / "again", flavor=case.flavor)
        first, second = (
            ModelDescriptor.read(path).to_dict() for path in (folder, tmp_path / "again")
        )
        differ = {key for key in first if first[key] != second[key]}
        assert differ <= {"model_uuid", "utc_time_created", "model_size_bytes"}
        if model.is_deterministic:
            assert _digests(folder) == _digests(tmp_path / "again")

    def test_the_descriptor_survives_a_round_trip(
        self, case: Case, model: Model, tmp_path: Path
    ) -> None:
        written = model.save(tmp_path / "m", flavor=case.flavor, metadata={"team": "a"})
        assert ModelDescriptor.read(tmp_path / "m") == written

    def test_requirements_name_what_is_needed_and_not_more(self, folder: Path, case: Case) -> None:
        needed = files.read(folder)
        assert set(case.packages) <= needed.names() <= {*case.packages, *case.other_packages}
        assert all("==" in line for line in needed.lines)

    def test_what_it_runs_is_said(self, folder: Path, case: Case, model: Model) -> None:
        flavor, descriptor = get_flavor(case.flavor), ModelDescriptor.read(folder)
        config = descriptor.flavors[case.flavor]
        assert not (flavor.executes_code(folder, config) and model.is_data)

    def test_data_loads_from_anyone_and_code_from_those_trusted(
        self, folder: Path, model: Model, tmp_path: Path
    ) -> None:
        unsigned = _unsigned(folder, tmp_path / "unsigned")
        if model.is_data:
            flavorkit.load_model(unsigned, trust="data")
            flavorkit.load_model(unsigned)
            return
        for trust in ("data", "signed", None):
            with pytest.raises(TrustError, match=r"can run|types that nobody has reviewed"):
                flavorkit.load_model(unsigned, trust=trust)
        flavorkit.load_model(unsigned, trust="all")
        flavorkit.load_model(unsigned, trust=manifest.verify(unsigned).digest)
        with pytest.raises(TrustError, match='trust="data" allows data only'):
            flavorkit.load_model(folder, trust="data")
        flavorkit.load_model(folder)  # signed by the user's own key

    # In requirements.txt, lines of a pickle read as names of packages, which are not installed.
    @pytest.mark.filterwarnings("ignore:.*was saved with other packages")
    def test_a_pickle_planted_in_any_file_is_refused_and_never_run(
        self, folder: Path, tmp_path: Path
    ) -> None:
        canary = tmp_path / "canary"
        bomb = PICKLE.replace(b"CANARY", str(canary).encode())
        planted = _unsigned(folder, tmp_path / "planted")
        for file in sorted(path for path in planted.rglob("*") if path.is_file()):
            genuine = file.read_bytes()
            file.write_bytes(bomb)
            common = str(file.relative_to(planted)) in _COMMON
            expectation = (
                contextlib.suppress(FlavorkitError)
                if common
                else pytest.raises(FlavorkitError, match=r".")
            )
            with expectation:
                flavorkit.load_model(planted)
            assert not canary.exists(), file
            file.write_bytes(genuine)

    def test_a_cut_file_is_refused(self, folder: Path, tmp_path: Path) -> None:
        cut = _unsigned(folder, tmp_path / "cut")
        for file in sorted(path for path in cut.rglob("*") if path.is_file()):
            genuine = file.read_bytes()
            if str(file.relative_to(cut)) in _COMMON or len(genuine) < 64:
                continue
            file.write_bytes(genuine[: len(genuine) // 2])
            with pytest.raises(FlavorkitError, match=r"."):
                flavorkit.load_model(cut)
            file.write_bytes(genuine)

    def test_an_unknown_option_is_refused(self, case: Case, model: Model, tmp_path: Path) -> None:
        with pytest.raises(TypeError, match="has no option no_such_option"):
            model.save(tmp_path / "m", flavor=case.flavor, no_such_option=1)
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_option_of_loading_is_refused(self, folder: Path, case: Case) -> None:
        with pytest.raises(TypeError, match="has no option no_such_option"):
            getattr(flavorkit, case.flavor).load_model(folder, no_such_option=1)

    def test_a_failing_save_leaves_nothing_behind(
        self, case: Case, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flavor = type(get_flavor(case.flavor))
        original = flavor.save

        def fail(self: Any, native: Any, folder: Path, **options: Any) -> Any:
            original(self, native, folder, **options)
            raise ZeroDivisionError("after everything was written")

        functools.update_wrapper(fail, original)
        monkeypatch.setattr(flavor, "save", fail)
        with pytest.raises(ZeroDivisionError, match="after everything"):
            model.save(tmp_path / "m", flavor=case.flavor)
        assert list(tmp_path.iterdir()) == []

    def test_it_can_be_told_to_replace_a_model(
        self, case: Case, model: Model, tmp_path: Path
    ) -> None:
        first = model.save(tmp_path / "m", flavor=case.flavor)
        with pytest.raises(FileExistsError, match="overwrite=True"):
            model.save(tmp_path / "m", flavor=case.flavor)
        second = model.save(tmp_path / "m", flavor=case.flavor, overwrite=True)
        assert first.model_uuid != second.model_uuid
        assert ModelDescriptor.read(tmp_path / "m") == second
        assert [path.name for path in tmp_path.iterdir()] == ["m"]

    def test_loading_does_not_change_the_folder(self, folder: Path) -> None:
        before = manifest.verify(folder).digest
        flavorkit.load_model(folder)
        assert manifest.verify(folder).digest == before

    def test_threads_get_the_answers_to_their_own_rows(self, folder: Path, model: Model) -> None:
        loaded = flavorkit.load_model(folder)
        rows = count_of(model.data)
        parts = [rows_of(model.data, row % rows, row % rows + 1) for row in range(4 * _THREADS)]
        if not model.is_row_for_row:
            parts = [model.data for _ in parts]
        alone = [loaded.predict(part) for part in parts]
        with ThreadPoolExecutor(_THREADS) as pool:
            together = list(pool.map(loaded.predict, parts))
        for one, other in zip(together, alone, strict=True):
            assert_same(one, other, model.rtol)

    def test_loading_imports_no_other_framework(self, folder: Path, case: Case) -> None:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FRESH, str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        loaded = set(json.loads(done.stdout.splitlines()[-1]))
        known = all_flavors().values()
        others = {root for flavor in known for root in flavor.modules[:1]} - {"flavorkit"}
        own = {*get_flavor(case.flavor).modules, *case.also_imports}
        assert loaded & others <= own


def parametrized(cases: Sequence[Case], *, grouped: bool, is_short: bool = False) -> Iterator[Any]:
    """One pytest parameter for each model; for a framework that is missing, one that is skipped.

    Args:
        cases: the frameworks.
        grouped: whether to keep the tests of a framework in one process of pytest-xdist.
        is_short: whether the first models of each framework stand for all.
    """
    for case in cases:
        missing = case.missing()
        marks = [pytest.mark.filterwarnings(text) for text in case.ignored_warnings]
        if grouped:
            marks.append(pytest.mark.xdist_group(case.flavor))
        if missing is not None and not os.environ.get(MAY_NOT_SKIP):
            skip = pytest.mark.skip(reason=f"{missing} is not installed")
            yield pytest.param((case, None), id=case.flavor, marks=[*marks, skip])
            continue
        for model in case.models[: case.models_in_processes if is_short else None]:
            yield pytest.param((case, model), id=f"{case.flavor}: {model.name}", marks=marks)


def _converted(model: Model, other: str) -> Any:
    """The rows in another container."""
    data = model.data
    if other not in model.others:
        pytest.skip(f"the framework takes no {other}")
    convert: dict[str, Callable[[], Any]]
    if isinstance(data, pd.DataFrame):
        if other == "array" and len(set(data.dtypes)) > 1:
            pytest.skip("an array has one dtype")
        convert = {
            "array": data.to_numpy,
            "dict": lambda: {name: data[name].to_numpy() for name in data.columns},
            "list": lambda: data.to_dict("records"),
        }
    elif isinstance(data, np.ndarray):
        convert = {"list": data.tolist}
    else:
        convert = {"list": lambda: {name: values.tolist() for name, values in data.items()}}
    if other not in convert:
        pytest.skip("the rows have no names")
    return convert[other]()


def _too_narrow(data: Any) -> Any:
    if isinstance(data, pd.DataFrame):
        return data.iloc[:, 1:]
    if isinstance(data, dict):
        return {name: data[name] for name in list(data)[1:]}
    return data[:, 1:] if data.ndim > 1 else data.reshape(-1, 1, 1)


def _digests(folder: Path) -> dict[str, str]:
    """The digest of each file but the descriptor, whose uuid and time differ."""
    listed = {file.path: file.sha256 for file in manifest.verify(folder).files}
    return {path: digest for path, digest in listed.items() if path != FILENAME}


def _unsigned(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    (target / manifest.FILENAME).unlink()
    return target
