"""The bill of materials of an image: complete, valid, and the same for equal images."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from flavorkit import manifest
from flavorkit.docker import seal as sealing
from flavorkit.docker.sbom import bill_of_materials, model_component
from flavorkit.docker.seal import seal
from flavorkit.errors import IntegrityError
from flavorkit.version import __version__

DIGEST = "sha256:" + "5" * 64

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12
Description: GNU C Library
 It has: a colon in its second line.
 Version: 0

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.41-12

Package: libstdc++6
Status: install ok installed
Architecture: amd64
Version: 1:14.2.0~rc1+b1

Package: removed
Status: deinstall ok config-files
Version: 1.0

Package: half
Status: install ok half-installed
Version: 1.0

Package: nothing-said

"""


@pytest.fixture
def root(tmp_path):
    """As much of an operating system as is looked at."""
    for name, text in {
        "var/lib/dpkg/status": STATUS,
        "etc/os-release": 'NAME="Ubuntu"\nID=ubuntu\n# a comment\nVERSION_ID="24.04"\n',
    }.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "root"


def installed(folder: Path, *stanzas: str) -> None:
    for number, text in enumerate(stanzas):
        info = folder / f"acme{number}-1.dist-info"
        info.mkdir(parents=True)
        if text:
            (info / "METADATA").write_text(text)


def by_name(bill, name):
    return [one for one in bill["components"] if one["name"] == name]


def test_it_is_valid_and_names_everything(root):
    bill = bill_of_materials(model_component("iris 😀", DIGEST), root)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    names = {one["name"] for one in bill["components"]}
    assert {"python", "flavorkit", "scikit-learn", "libstdc++6", "iris 😀"} <= names
    assert not {"removed", "half", "nothing-said"} & names
    assert bill["metadata"]["tools"]["components"][0]["version"] == __version__


def test_packages_of_the_system_have_their_version_and_architecture(root):
    bill = bill_of_materials(None, root)
    assert [one["purl"] for one in by_name(bill, "libc6")] == [
        "pkg:deb/ubuntu/libc6@2.41-12?arch=amd64",
        "pkg:deb/ubuntu/libc6@2.41-12?arch=i386",
    ]
    (found,) = by_name(bill, "libstdc++6")
    assert found["version"] == "1:14.2.0~rc1+b1"
    assert found["purl"] == "pkg:deb/ubuntu/libstdc%2B%2B6@1%3A14.2.0~rc1%2Bb1?arch=amd64"


def test_a_distribution_without_a_name_is_taken_for_debian(root):
    (root / "etc/os-release").unlink()
    (found, _) = by_name(bill_of_materials(None, root), "libc6")
    assert found["purl"].startswith("pkg:deb/debian/")


def test_a_system_without_dpkg_has_no_packages_of_debian(tmp_path):
    purls = [one.get("purl", "") for one in bill_of_materials(None, tmp_path)["components"]]
    assert purls
    assert not any(purl.startswith("pkg:deb/") for purl in purls)


def test_a_model_is_known_by_its_digest(root):
    (model,) = by_name(bill_of_materials(model_component("iris", DIGEST), root), "iris")
    assert model == {
        "type": "machine-learning-model",
        "bom-ref": f"model:{DIGEST}",
        "name": "iris",
        "hashes": [{"alg": "SHA-256", "content": "5" * 64}],
    }


def test_it_names_no_time_and_no_random_number(root):
    model = model_component("iris", DIGEST)
    first = json.dumps(bill_of_materials(model, root))
    assert json.dumps(bill_of_materials(model, root)) == first
    assert not {"serialNumber", "timestamp"} & set(json.loads(first))
    assert "timestamp" not in json.loads(first)["metadata"]


def test_components_are_in_one_order_and_none_stands_twice(root):
    references = [one["bom-ref"] for one in bill_of_materials(None, root)["components"]]
    assert references == sorted(set(references))


@pytest.mark.parametrize(
    ("said", "licences"),
    [
        ("License-Expression: MIT", [{"expression": "MIT"}]),
        ("License: BSD\nLicense-Expression: MIT", [{"expression": "MIT"}]),
        ("License: BSD", [{"license": {"name": "BSD"}}]),
        ("License: the\n whole", [{"license": {"name": "the whole"}}]),
        ("License: " + "text " * 100, None),
        ("License:  ", None),
        ("Summary: x", None),
    ],
)
def test_licences_are_as_packages_state_them(tmp_path, monkeypatch, said, licences):
    installed(tmp_path / "site", f"Metadata-Version: 2.4\nName: Acme_Tools\nVersion: 1.0\n{said}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    bill = bill_of_materials(None, tmp_path)
    (found,) = by_name(bill, "acme-tools")
    assert (found["purl"], found.get("licenses")) == ("pkg:pypi/acme-tools@1.0", licences)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None


def test_a_broken_distribution_keeps_nothing_back(tmp_path, monkeypatch):
    installed(tmp_path / "site", "", "Name: nameless\n", "Version: 1\n", "Name: a\nVersion: 1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    # Each may be there twice, where something has imported the backport of importlib.metadata.
    texts = {one.read_text("METADATA") for one in metadata.distributions()}
    assert texts == {None, "Name: nameless\n", "Version: 1\n", "Name: a\nVersion: 1\n"}
    assert {one["name"] for one in bill_of_materials(None, tmp_path)["components"]} == {
        "python",
        "a",
    }


def test_an_image_is_sealed_with_the_time_of_its_model(iris_copy, tmp_path, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_MODEL_NAME", "Iris flowers")
    digest = manifest.verify(iris_copy).digest
    bill = tmp_path / "opt" / "flavorkit" / "sbom.cdx.json"
    seal(digest, iris_copy, bill)
    written = json.loads(bill.read_text())
    assert by_name(written, "Iris flowers")[0]["bom-ref"] == f"model:{digest}"
    seconds = int((iris_copy / "MLmodel").stat().st_mtime)
    for path in (bill, bill.parent, bill.parent.parent):
        assert path.stat().st_mtime == seconds


def test_a_model_without_a_name_is_called_like_its_folder(iris_copy, tmp_path, monkeypatch):
    monkeypatch.delenv("FLAVORKIT_MODEL_NAME", raising=False)
    seal(manifest.verify(iris_copy).digest, iris_copy, tmp_path / "a" / "b" / "sbom.json")
    bill = json.loads((tmp_path / "a" / "b" / "sbom.json").read_text())
    assert by_name(bill, "iris")[0]["type"] == "machine-learning-model"


def test_another_model_than_was_promised_is_not_sealed(iris_copy, tmp_path):
    bill = tmp_path / "a" / "b" / "sbom.json"
    with pytest.raises(IntegrityError, match=rf"its digest is sha256:\w+ and not {DIGEST}"):
        seal(DIGEST, iris_copy, bill)
    assert not bill.exists()


def test_an_altered_model_is_not_sealed(iris_copy, tmp_path):
    digest = manifest.verify(iris_copy).digest
    (iris_copy / "requirements.txt").write_text("evil\n")
    with pytest.raises(IntegrityError, match=r"requirements\.txt has 5 bytes"):
        seal(digest, iris_copy, tmp_path / "a" / "b" / "sbom.json")


@pytest.fixture
def places(monkeypatch, tmp_path):
    """Where the command looks for a model and writes, which in an image are fixed."""
    bill = tmp_path / "opt" / "flavorkit" / "sbom.json"
    monkeypatch.setattr(sealing, "MODEL_FOLDER", str(tmp_path / "iris"))
    monkeypatch.setattr(sealing, "SBOM", str(bill))
    return bill


def test_an_image_without_a_model_is_sealed_too(places, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["seal"])
    sealing.main()
    kinds = {one["type"] for one in json.loads(places.read_text())["components"]}
    assert kinds == {"platform", "library"}
    assert places.stat().st_mtime == 315532800


def test_the_command_ends_with_the_error_and_no_traceback(places, iris_copy, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["seal", DIGEST])
    with pytest.raises(SystemExit, match=r"is not the model that was saved: its digest is"):
        sealing.main()
    assert not places.exists()
