"""The tests that every flavor has to pass, for flavors here and in other distributions.

A flavor's tests say which models it saves, and inherit what is promised of them::

    from flavorkit.testing import Case, FlavorContract, Model

    class TestAcme(FlavorContract):
        cases = (Case("acme", packages=("acme",), models=(Model("net", fit_net, predict),)),)

It needs pytest. For readable failures, register the module before pytest imports it: in
``conftest.py``, ``pytest.register_assert_rewrite("flavorkit.testing.contract")``.
"""

from flavorkit.testing.cases import Case, Model, assert_same, rows_of
from flavorkit.testing.contract import FlavorContract
from flavorkit.testing.served import Answer, Server

__all__ = ["Answer", "Case", "FlavorContract", "Model", "Server", "assert_same", "rows_of"]
