from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model


@cache
def people():
    """Rows with numbers, a kind and three outcomes."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["age", "income"])
    noise = rng.normal(size=60)
    return frame.assign(
        kind=rng.choice(["new", "old", "lost"], 60),
        spent=1 + 2 * frame.age - frame.income + noise / 10,
        came=(frame.age + noise > 0).astype(int),
        visits=rng.poisson(np.exp(frame.income / 2)),
    )


@cache
def months():
    """Four years of two series, which depend on each other and on a third."""
    rng = np.random.default_rng(0)
    index = pd.date_range("2020-01-01", periods=48, freq="MS")
    frame = pd.DataFrame(rng.normal(size=(48, 3)), columns=["sales", "price", "rain"], index=index)
    season = np.sin(np.arange(48) * np.pi / 6)
    return frame.assign(sales=frame.sales.cumsum() + 20 + season + frame.rain)


REGRESSORS = ["age", "income"]


def regression(name, outcome="spent", *, arrays=False, **options):
    def fit():
        import statsmodels.api as sm

        rows = sm.add_constant(people()[REGRESSORS])
        outcomes = people()[outcome]
        if arrays:
            rows, outcomes = rows.to_numpy(), outcomes.to_numpy()
        quiet = {"disp": 0} if name in {"Logit", "MNLogit", "Poisson"} else {}
        if name == "MNLogit":
            outcomes = outcomes.clip(upper=2)
        return getattr(sm, name)(outcomes, rows, **options).fit(**quiet), rows[::20]

    return fit


def binomial():
    import statsmodels.api as sm

    return regression("GLM", "came", family=sm.families.Binomial())()


def formula(name, text, **options):
    def fit():
        import statsmodels.formula.api as smf

        model = getattr(smf, name)(text, data=people(), **options)
        return model.fit(), people()[["age", "income", "kind"]][::20]

    return fit


def series(name, *, numbered=False, exog=False, ask=("2023-06-01", "2024-06-01"), **options):
    """A model of the sales, and one row that asks for a range of months, or two months' rain."""

    def fit():
        import statsmodels.tsa.api as tsa

        known = months().sales.to_numpy() if numbered else months().sales
        given = {"exog": months()[["rain"]]} if exog else {}
        model = getattr(tsa, name)(known, **given, **options)
        quiet = {"disp": 0} if name in {"SARIMAX", "UnobservedComponents", "ETSModel"} else {}
        rows = pd.DataFrame({"start": [ask[0]], "end": [ask[1]]})
        return model.fit(**quiet), pd.DataFrame({"rain": [0.5, 1.0]}) if exog else rows

    return fit


def vector(*, rows):
    def fit():
        import statsmodels.tsa.api as tsa

        known = months()[["sales", "price"]]
        return tsa.VAR(known).fit(2), known[-4:].reset_index(drop=True) if rows else STEPS

    return fit


STEPS = pd.DataFrame({"steps": [3]})


def predict(native, data, **params):
    return native.predict(data, **params)


def predict_range(native, data, **params):
    # Predicting writes into the results, which would then be saved otherwise.
    native = copy.deepcopy(native)
    return native.predict(start=data["start"].iloc[0], end=data["end"].iloc[0], **params)


def predict_after(native, data, **params):
    native = copy.deepcopy(native)
    return native.predict(start=48, end=47 + len(data), exog=data, **params)


def forecast(native, data, *, steps=1):
    known = native.model.endog if "steps" in data else data.to_numpy()
    steps = int(data["steps"].iloc[0]) if "steps" in data else steps
    if len(known) < native.k_ar:
        raise ValueError("too few rows")
    return pd.DataFrame(native.forecast(known[-native.k_ar :], steps), columns=native.names)


def of_rows(name, fit, **more):
    return Model(name, fit, predict, is_data=False, **more)


def of_range(name, fit, **more):
    return Model(name, fit, predict_range, is_data=False, is_row_for_row=False, **more)


# Kinds that differ from those of the contract in the model alone.
MORE = (
    of_rows("robust", regression("RLM")),
    of_rows("generalized", binomial),
    of_rows("formula logit", formula("logit", "came ~ age * kind")),
    of_rows("quantile", formula("quantreg", "spent ~ age + income")),
    of_rows("gee", formula("gee", "spent ~ age", groups="kind")),
    of_range("autoregression", series("AutoReg", lags=2)),
    of_range("error trend seasonal", series("ETSModel")),
    of_range("components", series("UnobservedComponents", level="llevel")),
)

CASE = Case(
    flavor="statsmodels",
    packages=("statsmodels",),
    # pandas 3 keeps names of columns in Arrow arrays, where Arrow is installed.
    other_packages=("numpy", "pandas", "patsy", "pyarrow", "scipy"),
    models=(
        of_rows("least squares", regression("OLS")),
        of_rows("array", regression("OLS", arrays=True), rtol=1e-14),
        of_rows("without data", regression("OLS"), options={"remove_data": True}),
        of_rows("generalized params", binomial, params={"which": "linear"}),
        of_rows("logit", regression("Logit", "came")),
        of_rows("multinomial", regression("MNLogit", "visits")),
        of_rows("poisson", regression("Poisson", "visits"), params={"exposure": 2.0}),
        of_rows("formula", formula("ols", "spent ~ np.log(age**2 + 1) + center(income) + C(kind)")),
        of_range("arima", series("ARIMA", order=(1, 1, 0))),
        of_range("arima numbered", series("ARIMA", numbered=True, ask=(40, 52), order=(1, 0, 0))),
        of_range("arima params", series("ARIMA", order=(1, 0, 0)), params={"dynamic": True}),
        of_range("sarimax", series("SARIMAX", order=(1, 0, 0), seasonal_order=(1, 0, 0, 4))),
        of_range("exponential smoothing", series("ExponentialSmoothing", trend="add")),
        Model(
            "exogenous",
            series("SARIMAX", exog=True, order=(1, 0, 0)),
            predict_after,
            is_data=False,
            is_row_for_row=False,
        ),
        Model("vector", vector(rows=False), forecast, is_data=False, is_row_for_row=False),
        Model(
            "vector rows",
            vector(rows=True),
            forecast,
            params={"steps": 3},
            is_data=False,
            is_row_for_row=False,
        ),
    ),
)
