"""How many processors there are for a server, and what it makes of them."""

from __future__ import annotations

import math
import os

import pytest

from flavorkit.serving import cpus
from flavorkit.serving.cpus import Plan, available, plan


def group(root, text, **files):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(text)
    for path, content in files.items():
        target = root / "sys/fs/cgroup" / path.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    return root


def test_without_control_groups_it_is_the_affinity(tmp_path):
    assert available(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("50000 100000", 0.5), ("150000 100000", 1.5), ("max 100000", math.inf), ("odd", math.inf)],
)
def test_version_two(tmp_path, quota, expected):
    (tmp_path / "sys/fs/cgroup/pod").mkdir(parents=True)
    root = group(tmp_path, "0::/pod\n")
    (root / "sys/fs/cgroup/pod/cpu.max").write_text(quota)
    assert cpus._quota(root) == expected
    assert available(root) == max(
        min(len(os.sched_getaffinity(0)), math.ceil(min(expected, 99))), 1
    )


def test_the_smallest_quota_of_a_group_and_those_above_it_counts(tmp_path):
    root = group(tmp_path, "0::/pod/one\n")
    for folder, quota in (("", "max"), ("pod", "200000"), ("pod/one", "400000")):
        path = root / "sys/fs/cgroup" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "cpu.max").write_text(f"{quota} 100000")
    assert cpus._quota(root) == 2


def test_in_a_container_its_own_group_is_mounted_at_the_root(tmp_path):
    root = group(tmp_path, "0::/../../other\n")
    (root / "sys/fs/cgroup").mkdir(parents=True)
    (root / "sys/fs/cgroup/cpu.max").write_text("100000 100000")
    assert cpus._quota(root) == 1


def test_version_one(tmp_path):
    root = group(tmp_path, "4:cpu,cpuacct:/pod\n2:memory:/pod\n")
    path = root / "sys/fs/cgroup/cpu/pod"
    path.mkdir(parents=True)
    (path / "cpu.cfs_quota_us").write_text("250000")
    (path / "cpu.cfs_period_us").write_text("100000")
    assert cpus._quota(root) == 2.5
    (path / "cpu.cfs_quota_us").write_text("-1")
    assert cpus._quota(root) == math.inf


@pytest.mark.parametrize(
    ("flavor", "workers", "expected"),
    [
        ("sklearn", None, Plan(8, 1)),
        ("xgboost", None, Plan(8, 1)),
        ("python_function", 3, Plan(3, 1)),
        ("pytorch", None, Plan(1, 8)),
        ("onnx", 2, Plan(2, 4)),
        ("tensorflow", 16, Plan(16, 1)),
    ],
)
def test_trees_get_workers_and_nets_get_threads(flavor, workers, expected):
    assert plan(flavor, workers, 8) == expected


def test_what_somebody_has_set_stays():
    variables = Plan(1, 4).variables({"MKL_NUM_THREADS": "2", "OMP_NUM_THREADS": ""})
    assert "MKL_NUM_THREADS" not in variables
    assert variables["OMP_NUM_THREADS"] == variables["OPENBLAS_NUM_THREADS"] == "4"


@pytest.mark.parametrize(("given", "each"), [("1", "1"), ("3,2", "3"), ("many", "4")])
def test_who_sets_openmp_alone_means_all_libraries(given, each):
    variables = Plan(1, 4).variables({"OMP_NUM_THREADS": given})
    assert "OMP_NUM_THREADS" not in variables
    assert set(variables.values()) == {each}
