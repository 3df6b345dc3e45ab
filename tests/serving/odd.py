"""A model whose first column decides what goes wrong, for servers that must cope with it."""

from __future__ import annotations

import ctypes
import os
import signal
import time

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import flavorkit

FINE, SLEEPS, HOLDS, EXITS, CRASHES, QUICK_NAP = 0.0, 1.0, 2.0, 3.0, 4.0, 5.0


def misbehave(X):
    match float(np.asarray(X)[0, 0]):
        case 1.0:
            time.sleep(600)
        case 2.0:
            ctypes.PyDLL(None).sleep(600)  # which, unlike a CDLL, keeps the interpreter's lock
        case 3.0:
            os._exit(3)
        case 4.0:
            os.kill(os.getpid(), signal.SIGSEGV)
        case 5.0:
            time.sleep(0.005)
    return X


def save(folder):
    model = make_pipeline(FunctionTransformer(misbehave), LinearRegression())
    model.fit(np.zeros((2, 1)), [0, 0])
    flavorkit.save_model(
        model,
        folder,
        serialization_format="cloudpickle",
        pip_requirements=[],
        input_example=np.zeros((1, 1)),
    )
    return folder
