"""Every flavor keeps every promise. A new flavor adds a file to cases/ and no test."""

from __future__ import annotations

from flavorkit.testing import FlavorContract
from tests.flavors.cases import all_cases


class TestContract(FlavorContract):
    cases = all_cases()
