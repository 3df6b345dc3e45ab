"""What every flavor promises. A new flavor adds a file to cases/ and no test."""

from __future__ import annotations

import contextlib
import shutil

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.descriptor import ModelDescriptor
from flavorkit.environment import files
from flavorkit.errors import FlavorkitError, TrustError
from flavorkit.flavors.registry import flavor_for, get_flavor
from tests.flavors.conftest import with_example


def same(left, right):
    np.testing.assert_array_equal(np.asarray(left), np.asarray(right))


def test_the_type_names_the_flavor(case, model):
    assert flavor_for(model.native).name == case.flavor


def test_a_round_trip_predicts_the_same(folder, model):
    loaded = flavorkit.load_model(folder)
    same(loaded.predict(model.data), model.expected(model.native, model.data))


def test_the_native_object_comes_back(folder, case, model):
    native = getattr(flavorkit, case.flavor).load_model(folder)
    same(model.expected(native, model.data), model.expected(model.native, model.data))


def test_one_row_and_no_row(folder, model):
    loaded = flavorkit.load_model(folder)
    same(loaded.predict(model.data[:1]), model.expected(model.native, model.data[:1]))
    try:
        expected = model.expected(model.native, model.data[:0])
    except ValueError:
        with pytest.raises(ValueError, match=r"0 sample|0 rows|empty"):
            loaded.predict(model.data[:0])
    else:
        same(loaded.predict(model.data[:0]), expected)


def as_dict(data):
    return {name: data[name].to_numpy() for name in data.columns}


def as_rows(data):
    return data.to_dict("records")


@pytest.mark.parametrize("convert", [as_dict, as_rows, pd.DataFrame.to_numpy])
def test_other_containers_predict_the_same(folder, model, convert):
    if not isinstance(model.data, pd.DataFrame):
        pytest.skip("the model takes arrays")
    loaded = flavorkit.load_model(folder)
    expected = model.expected(model.native, model.data)
    if len(set(model.data.dtypes)) > 1 and convert is pd.DataFrame.to_numpy:
        pytest.skip("an array has one dtype")
    found = np.asarray(loaded.predict(convert(model.data)))
    if found.dtype.kind == "f":  # another memory layout may round the last digit otherwise
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    else:
        same(found, expected)


def test_the_signature_is_inferred_and_enforced(folder, model):
    loaded = flavorkit.load_model(folder)
    assert loaded.signature.inputs is not None
    assert loaded.signature.outputs is not None
    with pytest.raises(FlavorkitError, match=r"missing|shape|expected|no rows"):
        loaded.predict(model.data.iloc[:, 1:] if hasattr(model.data, "iloc") else model.data[:, 1:])


def test_saving_twice_gives_the_same_descriptor(model, tmp_path):
    first, second = (with_example(model, tmp_path / name).to_dict() for name in "ab")
    differ = {key for key in first if first[key] != second[key]}
    assert differ <= {"model_uuid", "utc_time_created", "model_size_bytes"}


def test_the_descriptor_survives_a_round_trip(model, tmp_path):
    written = with_example(model, tmp_path / "m", metadata={"team": "a"})
    assert ModelDescriptor.read(tmp_path / "m") == written


def test_requirements_name_what_is_needed_and_not_us(folder, case):
    needed = files.read(folder)
    assert needed.names() >= set(case.packages)
    assert not needed.names() & {"flavorkit", "mlflow", "pytest"}
    assert all("==" in line for line in needed.lines)


def test_what_it_runs_is_said(folder, case, model):
    flavor, descriptor = get_flavor(case.flavor), ModelDescriptor.read(folder)
    config = descriptor.flavors[case.flavor]
    can_run_code = flavor.executes_code(folder, config) is not None
    assert not (can_run_code and model.is_data)


def test_data_loads_from_anyone_and_code_from_those_trusted(folder, model, tmp_path):
    unsigned = shutil.copytree(folder, tmp_path / "unsigned")
    (unsigned / manifest.FILENAME).unlink()
    if model.is_data:
        flavorkit.load_model(unsigned, trust="data")
        flavorkit.load_model(unsigned)
        return
    for trust in ("data", "signed", None):
        with pytest.raises(TrustError, match=r"pickle|types that nobody has reviewed"):
            flavorkit.load_model(unsigned, trust=trust)
    flavorkit.load_model(unsigned, trust="all")
    flavorkit.load_model(unsigned, trust=manifest.verify(unsigned).digest)
    with pytest.raises(TrustError, match='trust="data" allows data only'):
        flavorkit.load_model(folder, trust="data")
    flavorkit.load_model(folder)  # we have signed it ourselves


PICKLE = b"cos\nsystem\n(S'touch CANARY'\ntR."


# In requirements.txt, lines of a pickle read as names of packages, which are not installed.
@pytest.mark.filterwarnings("ignore:.*was saved with other packages")
def test_a_pickle_planted_in_any_file_is_never_run(folder, tmp_path):
    canary = tmp_path / "canary"
    bomb = PICKLE.replace(b"CANARY", str(canary).encode())
    for file in sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()):
        if file.name == manifest.FILENAME:
            continue
        planted = shutil.copytree(folder, tmp_path / f"planted-{file.name}")
        (planted / manifest.FILENAME).unlink()
        (planted / file).write_bytes(bomb)
        with contextlib.suppress(FlavorkitError):
            flavorkit.load_model(planted)
        assert not canary.exists(), file


def test_an_unknown_option_is_refused(model, tmp_path):
    with pytest.raises(TypeError, match="has no option no_such_option"):
        flavorkit.save_model(model.native, tmp_path / "m", no_such_option=1, **model.options)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_save_leaves_nothing_behind(case, model, tmp_path, monkeypatch):
    monkeypatch.setattr(type(get_flavor(case.flavor)), "save", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        flavorkit.save_model(model.native, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_told_to_replace_a_model(model, tmp_path):
    first = with_example(model, tmp_path / "m")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        with_example(model, tmp_path / "m")
    second = with_example(model, tmp_path / "m", overwrite=True)
    assert first.model_uuid != second.model_uuid
    assert ModelDescriptor.read(tmp_path / "m") == second
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_loading_does_not_change_the_folder(folder):
    before = manifest.verify(folder).digest
    flavorkit.load_model(folder)
    assert manifest.verify(folder).digest == before
