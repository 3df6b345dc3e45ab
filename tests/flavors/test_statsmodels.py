"""What is promised of statsmodels' results beside what every flavor promises."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit.descriptor import PYFUNC, ModelDescriptor
from flavorkit.errors import (
    DescriptorError,
    InvalidInputError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors.registry import get_flavor
from flavorkit.flavors.statsmodels import time_series
from flavorkit.testing import Server, assert_same
from tests.flavors.cases import statsmodels as cases

sm = pytest.importorskip("statsmodels.api")
smf = pytest.importorskip("statsmodels.formula.api")
tsa = pytest.importorskip("statsmodels.tsa.api")
pytestmark = pytest.mark.xdist_group("statsmodels")

PEOPLE, MONTHS = cases.people(), cases.months()
ROWS = sm.add_constant(PEOPLE[cases.REGRESSORS])


@pytest.fixture
def reloaded(tmp_path):
    """Saves results, without a signature unless there is an example, and loads them."""

    def save_and_load(native, **options):
        flavorkit.statsmodels.save_model(statsmodels_model=native, path=tmp_path / "m", **options)
        return flavorkit.load_model(tmp_path / "m")

    return save_and_load


def least_squares():
    return sm.OLS(PEOPLE.spent, ROWS).fit()


def fitted(text, frame=PEOPLE):
    return smf.ols(text, frame).fit()


def periods(start, end):
    return pd.DataFrame({"start": [start], "end": [end]})


@pytest.mark.parametrize("model", cases.MORE, ids=lambda model: model.name)
def test_other_kinds_of_models_predict_the_same_when_they_are_loaded(model, tmp_path):
    model.save(tmp_path / "m")
    found = flavorkit.load_model(tmp_path / "m").predict(model.data)
    assert_same(found, model.answer(model.data), 1e-12)
    native = flavorkit.statsmodels.load_model(tmp_path / "m")
    assert_same(model.expected(native, model.data), model.answer(model.data))


# Regressions


def test_columns_are_found_by_their_names(reloaded):
    native = least_squares()
    shuffled = ROWS[["income", "const", "age"]].assign(more="x")
    expected = native.predict(ROWS)
    assert reloaded(native).predict(shuffled).tolist() == expected.tolist()


def test_a_frame_with_names_of_its_own_is_taken_as_it_stands(reloaded):
    native = least_squares()
    expected = native.predict(ROWS).tolist()
    assert reloaded(native).predict(ROWS.set_axis([0, 1, 2], axis=1)).tolist() == expected


def test_the_index_of_a_frame_is_kept(reloaded):
    found = reloaded(least_squares()).predict(ROWS[:3].set_axis([7, 7, 9]))
    assert found.index.tolist() == [7, 7, 9]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (ROWS[["const", "age"]], r"columns are missing: 'income'"),
        (ROWS.assign(age="old"), r"column 'age': expected numbers, got text"),
        (ROWS.assign(age=["1"] * 60).astype(object), r"column 'age': expected numbers, got text"),
        (ROWS.assign(age=MONTHS.index[0]), r"column 'age': expected numbers, got datetime64"),
        (ROWS.to_numpy()[:, :2], r"rows of 3 numbers \(const, age, income\), got shape \(60, 2\)"),
        (np.ones(3), r"got shape \(3,\)"),
        (np.array([["a", "b", "c"]]), r"the array: expected numbers, got text"),
    ],
)
def test_regressors_that_do_not_fit_are_the_callers_mistake(reloaded, data, problem):
    with pytest.raises(InvalidInputError, match=problem):
        reloaded(least_squares()).predict(data)


def test_a_missing_value_gives_a_missing_prediction(reloaded):
    loaded = reloaded(least_squares())
    rows = ROWS[:2].assign(age=pd.array([1, None], dtype="Int64"))
    assert np.isnan(loaded.predict(rows)).tolist() == [False, True]


def test_names_of_other_coefficients_are_no_columns(reloaded):
    """Those of a count model's dispersion, of what inflates it, and of thresholds."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    visits, rows = PEOPLE.visits.clip(upper=2), PEOPLE[cases.REGRESSORS]
    for number, (native, data) in enumerate(
        [
            (sm.NegativeBinomialP(PEOPLE.visits, ROWS).fit(disp=0, maxiter=200), ROWS),
            (OrderedModel(visits, rows, distr="logit").fit(method="bfgs", disp=0), rows),
        ]
    ):
        found = reloaded(native, overwrite=bool(number)).predict(data)
        np.testing.assert_allclose(found, native.predict(data))


def test_hazards_are_predicted_for_the_rows_given(reloaded):
    """MLflow hands the rows to PHReg as outcomes, and so predicts on those it was fitted on."""
    from statsmodels.duration.hazard_regression import PHReg

    native = PHReg(PEOPLE.spent.abs() + 1, PEOPLE[cases.REGRESSORS]).fit()
    found = reloaded(native).predict(PEOPLE[:2])
    expected = native.predict(exog=PEOPLE[cases.REGRESSORS][:2]).predicted_values
    np.testing.assert_allclose(found, expected)


def test_a_parameter_is_one_value_for_all_rows(reloaded):
    native = smf.poisson("visits ~ age", PEOPLE).fit(disp=0)
    loaded = reloaded(native, input_example=(PEOPLE[["age"]][:2], {"exposure": 1.0}))
    np.testing.assert_allclose(
        loaded.predict(PEOPLE[["age"]], {"exposure": 3.0}), 3 * native.predict(PEOPLE)
    )
    with pytest.raises(InvalidInputError, match="exposure"):
        loaded.predict(PEOPLE[["age"]], {"exposure": [1.0, 2.0]})


# Formulas


def test_what_a_formula_learned_of_its_data_stays_as_it_was(reloaded):
    native = fitted("spent ~ center(age) + bs(income, df=4)")
    loaded, one = reloaded(native), PEOPLE[5:6]
    np.testing.assert_allclose(loaded.predict(one), native.predict(PEOPLE)[5:6], rtol=1e-12)
    assert loaded.is_row_wise


@pytest.mark.parametrize(
    ("text", "is_row_wise"),
    [
        ("spent ~ 1", True),
        ("spent ~ age * C(kind, Treatment('old')) + (income > 0)", True),
        ("spent ~ np.log(age**2 + 1) + Q('income')", True),
        ("spent ~ standardize(age) + cr(income, df=3) - 1", True),
        ("spent ~ I(age - age.mean())", False),
        ("spent ~ np.cumsum(age)", False),
        ("spent ~ np.add.accumulate(age)", False),
        ("spent ~ age.shift(fill_value=0)", False),
    ],
)
def test_rows_are_known_to_be_independent_where_the_formula_cannot_mix_them(
    reloaded, text, is_row_wise
):
    assert reloaded(fitted(text)).is_row_wise is is_row_wise


def test_of_other_models_nobody_knows(reloaded):
    from statsmodels.othermod.betareg import BetaModel

    share = 1 / (1 + np.exp(-PEOPLE.spent))
    assert not reloaded(BetaModel(share, ROWS).fit(disp=0)).is_row_wise


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (PEOPLE[["age"]], r"the formula 'spent ~ age \+ C\(kind\)' needs: 'kind'"),
        (PEOPLE.assign(kind="none"), r"value 'none' does not match any of the expected levels"),
        (PEOPLE.assign(age="old"), r"column 'age': expected numbers, got"),
        (ROWS.to_numpy(), r"takes columns by name \(age, kind\); expected a frame"),
    ],
)
def test_columns_that_a_formula_cannot_be_evaluated_on(reloaded, data, problem):
    with pytest.raises(InvalidInputError, match=problem):
        reloaded(fitted("spent ~ age + C(kind)")).predict(data)


def test_an_expression_that_fails_on_the_data_is_the_callers_mistake(reloaded):
    loaded = reloaded(fitted("spent ~ np.log(age**2 + 1)"))
    with pytest.raises(InvalidInputError, match=r"unsupported operand .* 'str' and 'int'"):
        loaded.predict(PEOPLE.assign(age="old"))


def test_a_row_that_lacks_a_value_is_answered_by_none(reloaded):
    loaded = reloaded(fitted("spent ~ age + C(kind)"))
    rows = PEOPLE[:3].assign(age=[1.0, None, 2.0]).set_axis([5, 5, 5])
    assert np.isnan(loaded.predict(rows)).tolist() == [False, True, False]
    assert loaded.predict(rows).index.tolist() == [5, 5, 5]


def test_numbers_in_columns_of_objects_are_numbers(reloaded):
    native = fitted("spent ~ age + C(kind)")
    found = reloaded(native).predict(PEOPLE.astype(object))
    np.testing.assert_allclose(found, native.predict(PEOPLE))


def twice(values):
    return 2 * values


def test_a_formula_with_a_function_of_the_script_cannot_be_saved(tmp_path):
    with pytest.raises(UnsavableModelError, match=r"name 'twice' is not defined"):
        flavorkit.save_model(fitted("spent ~ twice(age)"), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_variable_that_would_mean_something_else_when_it_is_loaded(tmp_path):
    # A variable of statsmodels' too, where it evaluates the formula again.
    depth = 7  # noqa: F841
    native = smf.ols("spent ~ I(age * depth)", PEOPLE).fit()
    with pytest.raises(UnsavableModelError, match="gives other predictions once it is read back"):
        flavorkit.save_model(native, tmp_path / "m")


def test_a_frame_that_was_changed_after_the_model_was_fitted(tmp_path):
    frame = PEOPLE.copy()
    native = fitted("spent ~ center(age)", frame)
    frame["age"] += 5
    with pytest.raises(UnsavableModelError, match="on the data frame as it is now"):
        flavorkit.save_model(native, tmp_path / "m")


# Data that are left out


@pytest.mark.parametrize("named", [True, False])
def test_data_are_left_out_of_the_file_and_stay_in_the_model(tmp_path, named):
    rows = ROWS if named else ROWS.to_numpy()
    native = sm.OLS(PEOPLE.spent, rows).fit()
    flavorkit.save_model(native, tmp_path / "whole")
    flavorkit.save_model(native, tmp_path / "m", remove_data=True)
    assert native.model.exog is not None
    again = flavorkit.statsmodels.load_model(tmp_path / "m")
    assert again.model.exog is None
    assert again.model.endog is None
    sizes = [(tmp_path / name / "model.statsmodels").stat().st_size for name in ("m", "whole")]
    assert sizes[0] < sizes[1] / 2
    loaded = flavorkit.load_model(tmp_path / "m")
    np.testing.assert_allclose(loaded.predict(rows), native.predict(rows))
    if named:
        with pytest.raises(InvalidInputError, match="columns are missing: 'income'"):
            loaded.predict(ROWS[["const", "age"]])


def test_a_formula_keeps_its_frame(reloaded):
    native = fitted("spent ~ center(age)")
    loaded = reloaded(native, remove_data=True)
    assert loaded.get_raw_model().model.exog is None
    assert len(loaded.get_raw_model().model.data.frame) == len(PEOPLE)
    np.testing.assert_allclose(loaded.predict(PEOPLE), native.predict(PEOPLE))


def test_some_models_cannot_do_without_their_data(tmp_path):
    series = tsa.AutoReg(MONTHS.sales, 1).fit()
    with pytest.raises(UnsavableModelError, match="a time series is predicted from its data"):
        flavorkit.save_model(series, tmp_path / "m", remove_data=True)
    shrunk = sm.OLS(PEOPLE.spent, ROWS).fit_regularized()
    with pytest.raises(UnsavableModelError, match="cannot remove the data of a Regularized"):
        flavorkit.save_model(shrunk, tmp_path / "m", remove_data=True)


# Time series


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dated") / "m"
    flavorkit.save_model(tsa.AutoReg(MONTHS.sales, 2).fit(), folder)
    return flavorkit.load_model(folder)


@pytest.mark.parametrize(
    ("start", "end", "first", "count"),
    [
        ("2024-01-01", "2024-06-01", "2024-01-01", 6),
        (pd.Timestamp("2023-12-01"), pd.Timestamp("2024-01-01"), "2023-12-01", 2),
        ("2024-01", "2024-02", "2024-01-01", 2),
        (40, 50, "2023-05-01", 11),
        (40.0, 50.0, "2023-05-01", 11),
        (-2, -1, "2023-11-01", 2),
    ],
)
def test_a_range_is_given_by_dates_or_by_positions(dated, start, end, first, count):
    found = dated.predict(periods(start, end))
    assert len(found) == count
    assert found.index[0] == pd.Timestamp(first)
    expected = dated.get_raw_model().predict(start=found.index[0], end=found.index[-1])
    pd.testing.assert_series_equal(found, expected)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (periods(50, 40), r"`end` after `start`.*2020-01-01 .* to 2023-12-01 .* 0 to 47"),
        (periods("2019-01-01", "2024-01-01"), r"`start` argument could not be matched"),
        (periods("soon", "later"), r"start=soon and end=later is no range of the model"),
        (periods(1.5, 3), r"start=1.5"),
        (periods(-100, 3), r"index -100 is out of bounds"),
        (periods(True, True), r"start=True"),
        (periods([1], [2]), r"is no range of the model"),
        (periods(None, 3), r"start=None and end=3: both have to be given"),
        (periods(0, np.nan), r"both have to be given"),
        (periods(0, 10**15), r"at most 10000 periods after the data"),
        (periods(10**15, 10**15), r"at most 10000 periods after the data"),
        (periods("2024-01-01", "9999-01-01"), r"at most 10000 periods after the data"),
        (periods("2024-01-01", "20000-01-01"), r"year 20000 is out of range"),
        (pd.concat([periods(0, 1)] * 2), r"expected one row.*got 2 rows"),
        (periods(0, 1)[:0], r"expected one row.*got 0 rows"),
        (periods(0, 1)[["start"]], r"columns are missing: expected one row with start and end"),
        (np.array([[0, 1]]), r"a frame with named columns, got shape \(1, 2\)"),
    ],
)
def test_what_is_no_range_is_the_callers_mistake(dated, data, problem):
    with pytest.raises(InvalidInputError, match=problem):
        dated.predict(data)


def test_an_end_in_dates_is_not_counted_out(tmp_path):
    """Seconds up to the year 2200 would be an index of 45 gigabytes."""
    seconds = MONTHS.sales.set_axis(pd.date_range("2020-01-01", periods=48, freq="s"))
    for number, known in enumerate((seconds, seconds.to_period("s"))):
        flavorkit.save_model(tsa.AutoReg(known, 1).fit(), tmp_path / str(number))
        loaded = flavorkit.load_model(tmp_path / str(number))
        with pytest.raises(InvalidInputError, match="at most 10000 periods"):
            loaded.predict(periods(0, "2200-01-01"))
        assert len(loaded.predict(periods(0, "2020-01-01 00:01:00"))) == 61


@pytest.mark.parametrize("kind", ["months", "numbers", "none"])
def test_other_indexes(reloaded, kind):
    sales = MONTHS.sales
    known = {
        "months": sales.to_period("M"),
        "numbers": sales.set_axis(range(100, 148)),
        "none": sales.to_numpy(),
    }[kind]
    loaded = reloaded(tsa.AutoReg(known, 1).fit())
    found = loaded.predict(periods(48, 50))
    assert len(found) == 3
    if kind == "months":
        again = loaded.predict(periods("2024-01", "2024-03"))
        assert again.tolist() == found.tolist()
        assert found.index[0] == pd.Period("2024-01")
    if kind == "numbers":
        assert found.index.tolist() == [148, 149, 150]
    if kind == "none":
        with pytest.raises(InvalidInputError, match="the data have no dates"):
            loaded.predict(periods("2024-01-01", "2024-02-01"))


@pytest.mark.filterwarnings("ignore:.*frequency information")
def test_dates_without_a_rhythm_have_no_future(reloaded):
    irregular = MONTHS.sales.set_axis(MONTHS.index + pd.to_timedelta(np.arange(48) % 5, "D"))
    loaded = reloaded(tsa.AutoReg(irregular, 1).fit())
    assert len(loaded.predict(periods(40, 47))) == 8
    with pytest.raises(InvalidInputError, match="No supported index is available"):
        loaded.predict(periods(40, 48))


RAIN = pd.DataFrame({"price": [1.0, 2.0], "rain": [0.5, 1.5]})


@pytest.fixture(scope="module")
def rainy():
    """A model with two exogenous variables."""
    known = MONTHS[["rain", "price"]]
    return tsa.SARIMAX(MONTHS.sales, exog=known, order=(1, 0, 0)).fit(disp=0)


def test_rows_are_the_exogenous_variables_of_the_periods_to_come(reloaded, rainy):
    found = reloaded(rainy).predict(RAIN)
    expected = rainy.forecast(2, exog=RAIN[["rain", "price"]])
    pd.testing.assert_series_equal(found, expected)


def test_parameters_say_which_periods_where_the_rows_do_not(reloaded, rainy):
    loaded = reloaded(rainy, input_example=(RAIN, {"start": 46, "end": 49}))
    assert len(loaded.predict(RAIN)) == 4
    assert (
        loaded.predict(RAIN, {"start": 48}).tolist()
        == rainy.forecast(2, exog=RAIN[["rain", "price"]]).tolist()
    )
    with pytest.raises(InvalidInputError, match=r"not of the appropriate shape. Required \(13, 2"):
        loaded.predict(RAIN, {"end": 60})


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (RAIN[["rain"]], r"columns are missing: 'price'"),
        (RAIN.assign(rain="much"), r"column 'rain': expected numbers, got text"),
        (RAIN.assign(rain=None), r"exog contains inf or nans"),
        (RAIN[:0], r"Required \(1, 2\), got \(0, 2\)"),
        (periods(47, 48), r"require additional exogenous values"),
    ],
)
def test_exogenous_variables_that_do_not_fit(reloaded, rainy, data, problem):
    with pytest.raises(InvalidInputError, match=problem):
        reloaded(rainy).predict(data)


def test_an_autoregression_knows_its_exogenous_variables_from_its_lags(reloaded):
    native = tsa.AutoReg(MONTHS.sales, 2, exog=MONTHS[["rain"]]).fit()
    found = reloaded(native).predict(RAIN)
    pd.testing.assert_series_equal(found, native.forecast(2, exog=RAIN[["rain"]]))


@pytest.fixture(scope="module")
def vector():
    return tsa.VAR(MONTHS[["sales", "price"]]).fit(2)


def test_a_vector_autoregression_forecasts_from_its_data(reloaded, vector):
    found = reloaded(vector).predict(pd.DataFrame({"steps": [3]}))
    assert found.columns.tolist() == ["sales", "price"]
    assert found.index.tolist() == list(pd.date_range("2024-01-01", periods=3, freq="MS"))
    expected = vector.forecast(MONTHS[["sales", "price"]].to_numpy()[-2:], 3)
    np.testing.assert_array_equal(found, expected)


def test_a_vector_autoregression_forecasts_from_later_data(reloaded, vector):
    latest = MONTHS[["price", "sales"]][10:15]
    loaded = reloaded(vector, input_example=(latest, {"steps": 1}))
    found = loaded.predict(latest, {"steps": 4})
    expected = vector.forecast(latest[["sales", "price"]].to_numpy()[-2:], 4)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (pd.DataFrame({"steps": [0]}), r"steps must be a whole number, 1 to 10000, got 0"),
        (pd.DataFrame({"steps": [1.5]}), r"steps must be a whole number"),
        (pd.DataFrame({"steps": [10**12]}), r"steps must be a whole number"),
        (pd.DataFrame({"steps": [1, 2]}), r"expected one row"),
        (MONTHS[["sales"]], r"columns are missing: 'price'"),
        (MONTHS[:1], r"looks back 2 periods; expected at least as many rows"),
        (MONTHS[:0], r"looks back 2 periods"),
    ],
)
def test_what_a_vector_autoregression_cannot_start_from(reloaded, vector, data, problem):
    with pytest.raises(InvalidInputError, match=problem):
        reloaded(vector).predict(data)


def test_a_vector_autoregression_without_an_index(reloaded):
    native = tsa.VAR(MONTHS[["sales", "price"]].to_numpy()).fit(1, trend="ct")
    found = reloaded(native).predict(pd.DataFrame({"steps": [2]}))
    assert found.columns.tolist() == ["y1", "y2"]
    assert found.index.tolist() == [0, 1]


def test_mlflows_loader_knows_all_but_vector_autoregressions(tmp_path, vector):
    loaders = {}
    for name, native in {"rows": least_squares(), "vector": vector}.items():
        flavorkit.save_model(native, tmp_path / name)
        loaders[name] = ModelDescriptor.read(tmp_path / name).flavors[PYFUNC]["loader_module"]
    assert loaders == {"rows": "mlflow.statsmodels", "vector": "flavorkit.mlflow_loader"}


def test_a_server_answers_a_range_by_its_periods(tmp_path):
    native = tsa.AutoReg(MONTHS.sales, 2).fit()
    example = periods("2024-01-01", "2024-03-01")
    flavorkit.save_model(native, tmp_path / "m", input_example=example)
    server = Server(tmp_path / "m")
    try:
        good = server.invoke({"dataframe_records": [{"start": "2024-01-01", "end": "2024-05-01"}]})
        bad = server.invoke({"dataframe_records": [{"start": "2024-05-01", "end": "2024-01-01"}]})
    finally:
        server.kill()
    assert len(good.json()["predictions"]) == 5
    assert bad.status == 400
    assert "`end` after `start`" in bad.json()["message"]


def test_the_command_line_writes_periods_as_json(tmp_path):
    flavorkit.save_model(tsa.AutoReg(MONTHS.sales, 2).fit(), tmp_path / "m")
    periods(48, 50).to_csv(tmp_path / "range.csv", index=False)
    command = [sys.executable, "-m", "flavorkit", "predict", "m", "-i", "range.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert len(json.loads(done.stdout)["predictions"]) == 3


# Files


def test_what_was_not_fitted_is_no_model(tmp_path):
    with pytest.raises(UnsavableModelError, match=r"save what a model's fit\(\) returns"):
        flavorkit.save_model(sm.OLS(PEOPLE.spent, ROWS), tmp_path / "m")


def test_results_that_predict_nothing_are_saved_for_their_own_loader(tmp_path):
    from statsmodels.regression.rolling import RollingOLS

    native = RollingOLS(PEOPLE.spent, ROWS, window=20).fit()
    with pytest.warns(UserWarning, match="has nothing to predict with"):
        flavorkit.save_model(native, tmp_path / "m")
    with pytest.raises(DescriptorError, match="cannot predict"):
        flavorkit.load_model(tmp_path / "m")
    again = flavorkit.statsmodels.load_model(tmp_path / "m")
    pd.testing.assert_frame_equal(again.params, native.params)


def test_what_pickle_cannot_write_is_said(tmp_path):
    native = least_squares()
    native.model.note = lambda: None
    with pytest.raises(UnsavableModelError, match="statsmodels cannot write it"):
        flavorkit.save_model(native, tmp_path / "m")


def test_the_flavor_itself_refuses_without_trust(tmp_path):
    from flavorkit.trust import Evidence, Grant

    flavorkit.save_model(least_squares(), tmp_path / "m")
    grant = Grant(False, frozenset(), Evidence(tmp_path, "sha256:"), "nobody has signed it")
    with pytest.raises(TrustError, match="can run any code"):
        get_flavor("statsmodels").load(tmp_path / "m", {}, trust=grant)


def test_modules_have_the_names_that_older_releases_gave_them(tmp_path):
    flavorkit.save_model(least_squares(), tmp_path / "m", signature=False)
    folder = shutil.copytree(tmp_path / "m", tmp_path / "old")
    (folder / "manifest.json").unlink()
    (folder / "model.statsmodels").write_bytes(b"cstatsmodels.tools.decorators\ncache_readonly\n.")
    from statsmodels.tools._decorators import cache_readonly

    assert flavorkit.statsmodels.load_model(folder, trust="all") is cache_readonly


def test_a_class_that_is_not_there_is_a_file_that_cannot_be_read(tmp_path):
    flavorkit.save_model(least_squares(), tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    (tmp_path / "m" / "model.statsmodels").write_bytes(b"cstatsmodels.no_such\nThing\n.")
    with pytest.raises(UnreadableModelError, match=r"statsmodels\.no_such"):
        flavorkit.load_model(tmp_path / "m", trust="all")


def test_the_file_is_what_statsmodels_itself_reads(tmp_path):
    native = least_squares()
    flavorkit.save_model(native, tmp_path / "m")
    with (tmp_path / "m" / "model.statsmodels").open("rb") as file:
        assert pickle.load(file).params.equals(native.params)


def test_the_limit_of_periods_is_counted_from_the_data(dated):
    last = 47 + time_series.MAX_PERIODS
    assert len(dated.predict(periods(last, last))) == 1
    with pytest.raises(InvalidInputError, match="at most 10000"):
        dated.predict(periods(last, last + 1))
