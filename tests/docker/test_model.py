"""What goes into an image: a model that somebody vouches for, unaltered, and the same each time."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.docker.model import PackedModel
from flavorkit.errors import IntegrityError, NotFoundError, RequirementError, TrustError


def sealed(folder: Path, name: str, text: str) -> Path:
    """The model with another file, as somebody would hand it on who has no key."""
    (folder / name).write_text(text)
    manifest.write(folder, None)
    return folder


def packed(folder: Path, trust: str = "all", **options: bool) -> PackedModel:
    return PackedModel.fetch(str(folder), trust, **options)


@pytest.fixture
def code_folder(tmp_path):
    """A model that is code alone, and asks for MLflow."""
    (tmp_path / "model.py").write_text(
        "from flavorkit.models import set_model\n"
        "from flavorkit.pyfunc import PythonModel\n"
        "class Same(PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input\n"
        "set_model(Same())\n"
    )
    folder = tmp_path / "code"
    flavorkit.pyfunc.save_model(
        folder,
        python_model=str(tmp_path / "model.py"),
        pip_requirements=["mlflow==3.17.2", "pandas"],
    )
    return folder


def test_ones_own_model_needs_no_more_words(iris_folder):
    model = PackedModel.fetch(str(iris_folder))
    assert model.flavors == ["sklearn"]
    assert model.files.digest == manifest.verify(iris_folder).digest


def test_a_model_that_a_stranger_signed_is_refused(iris_folder, keys_home):
    key = manifest.verify(iris_folder).key
    with pytest.raises(TrustError, match=r"is not in your keyring") as raised:
        PackedModel.fetch(str(iris_folder))
    assert f"`flavorkit keys trust {key} NAME`" in raised.value.message


def test_a_model_that_nobody_signed_is_refused_though_it_is_data_alone(iris_copy):
    (iris_copy / "manifest.json").unlink()
    digest = manifest.verify(iris_copy).digest
    flavorkit.load_model(iris_copy)  # as data it is let in
    with pytest.raises(TrustError, match=r"packages that it names, which can run code") as raised:
        PackedModel.fetch(str(iris_copy))
    assert "nobody has signed it" in raised.value.message
    assert f"--trust {digest}" in raised.value.message
    assert packed(iris_copy, digest).files.digest == digest


def test_data_is_not_enough_even_for_ones_own_model(iris_folder):
    with pytest.raises(TrustError, match=r"allows data only"):
        packed(iris_folder, "data")


def test_a_digest_lets_in_that_model_and_no_other(iris_copy):
    digest = manifest.verify(iris_copy).digest
    sealed(iris_copy, "requirements.txt", "evil\n")
    with pytest.raises(TrustError, match=rf"trust pins {digest}"):
        packed(iris_copy, digest)


def test_an_altered_file_is_refused_under_every_policy(iris_copy):
    (iris_copy / "requirements.txt").write_text("evil\n")
    with pytest.raises(IntegrityError, match=r"requirements\.txt has 5 bytes"):
        packed(iris_copy)


def test_a_file_that_was_added_is_refused(iris_copy):
    (iris_copy / "sitecustomize.py").write_text("")
    with pytest.raises(IntegrityError, match=r"sitecustomize\.py is not in the manifest"):
        packed(iris_copy)


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_link_is_refused(iris_copy, tmp_path, is_recorded):
    (tmp_path / "id_ed25519").write_text("a secret")
    (iris_copy / "key").symlink_to(tmp_path / "id_ed25519")
    if not is_recorded:
        (iris_copy / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match=r"key is a link"):
        packed(iris_copy)


def test_a_model_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match=r"there is no model folder at"):
        packed(tmp_path / "gone")


def test_requirements_cannot_name_urls_unless_that_is_asked_for(iris_copy):
    line = "six @ https://example.com/six.whl"
    sealed(iris_copy, "requirements.txt", f"{line}\n")
    with pytest.raises(RequirementError, match=r"is a URL"):
        packed(iris_copy)
    assert packed(iris_copy, allow_options=True).requirements == (line,)


def test_a_native_model_does_without_mlflow(iris_copy):
    lines = "mlflow==3.17.2\nMLflow-Skinny>=3\nscikit-learn\nmlflow-plugin\n"
    model = packed(sealed(iris_copy, "requirements.txt", lines))
    assert model.requirements == ("scikit-learn", "mlflow-plugin")


def test_code_alone_may_import_mlflow_and_gets_it(code_folder):
    model = packed(code_folder)
    assert model.flavors == ["python_function"]
    assert {"mlflow==3.17.2", "pandas"} <= set(model.requirements)


def test_java_is_for_models_that_ask_for_spark(iris_copy):
    assert not packed(iris_copy).runs_java
    assert packed(sealed(iris_copy, "requirements.txt", "PySpark==4.0.0\n")).runs_java


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-05-04 03:02:01.987654", datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)),
        ("1969-12-31 23:59:59", datetime(1980, 1, 1, tzinfo=UTC)),
        ("yesterday", datetime(1980, 1, 1, tzinfo=UTC)),
        (None, datetime(1980, 1, 1, tzinfo=UTC)),
    ],
)
def test_it_is_as_old_as_it_says(iris_folder, said, meant):
    model = packed(iris_folder)
    descriptor = dataclasses.replace(model.descriptor, utc_time_created=said)
    assert dataclasses.replace(model, descriptor=descriptor).created == meant


def archived(model: PackedModel, path: Path) -> bytes:
    model.write_archive(path)
    return path.read_bytes()


def test_a_copy_with_other_times_rights_and_owners_gives_the_same_bytes(iris_folder, tmp_path):
    copy = Path(shutil.copytree(iris_folder, tmp_path / "elsewhere" / "copy"))
    for number, path in enumerate(sorted(copy.rglob("*"))):
        os.utime(path, (number, number))
        path.chmod(0o700 if path.is_dir() else 0o600)
        if os.geteuid() == 0:
            os.chown(path, 1234, 1234)
    ours = archived(packed(iris_folder), tmp_path / "a.tar")
    assert archived(packed(copy), tmp_path / "b.tar") == ours


def test_an_archive_holds_what_the_manifest_lists_and_nothing_of_this_machine(iris_copy, tmp_path):
    (iris_copy / "registered_model_meta").write_text("model_name: iris\n")
    model = packed(iris_copy)
    model.write_archive(tmp_path / "model.tar")
    with tarfile.open(tmp_path / "model.tar") as archive:
        members = archive.getmembers()
    files = {member.name for member in members if member.isfile()}
    listed = {file.path for file in model.files.files} | {"manifest.json"}
    assert files == {f"opt/ml/model/{path}" for path in listed}
    folders = {member.name for member in members if member.isdir()}
    assert {"opt", "opt/ml", "opt/ml/model"} <= folders
    assert len(files) + len(folders) == len(members)
    for member in members:
        assert member.mode == (0o755 if member.isdir() else 0o644)
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        assert member.mtime == model.created.timestamp()


@pytest.mark.parametrize("is_recorded", [True, False])
def test_what_is_unpacked_is_the_model(iris_copy, tmp_path, is_recorded):
    if not is_recorded:  # as MLflow writes them
        (iris_copy / "manifest.json").unlink()
    model = packed(iris_copy)
    model.write_archive(tmp_path / "model.tar")
    with tarfile.open(tmp_path / "model.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    found = manifest.verify(tmp_path / "opt/ml/model")
    assert (found.digest, found.is_recorded) == (model.files.digest, is_recorded)


def replaced_by_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[::-1]),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: path.write_bytes(b""),
        Path.unlink,
        replaced_by_a_link,
    ],
    ids=["altered", "longer", "emptied", "gone", "a link"],
)
def test_a_file_that_changes_after_it_was_checked_is_refused(iris_copy, tmp_path, change):
    model = packed(iris_copy)
    change(iris_copy / "requirements.txt")
    with pytest.raises(IntegrityError, match=r"requirements\.txt (was altered|is not what)"):
        model.write_archive(tmp_path / "model.tar")
