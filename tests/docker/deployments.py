"""What the tests of deployments deploy, and the files that they compare with."""

from __future__ import annotations

from pathlib import Path

from flavorkit.docker.deploy import Document, text
from flavorkit.docker.deploy.workload import Scale, Workload
from flavorkit.docker.names import Image
from flavorkit.docker.quantities import Cpu, Memory

GOLDEN = Path(__file__).parent / "golden"
DIGEST = f"registry.example.com:5000/team/churn_model:1.2@sha256:{'0af1' * 16}"
TWO_TO_FOUR = Scale(2, 4)

# Values that would be more than values, were they put into other text.
HOSTILE_VALUES = [
    "x: y",
    "- x",
    "{x: y}",
    "[x]",
    "'\"",
    "# no comment",
    "*alias",
    "&anchor x",
    "!!python/object/apply:os.system [id]",
    "---",
    "...",
    "|",
    ">",
    "%YAML 1.1",
    "yes",
    "null",
    "~",
    "1e3",
    "0x10",
    "2001-01-01",
    "<<",
    "=",
    "",
    " x ",
    "x" * 5000,
    "a " * 2000,
    "`id`",
    "$(id)",
    "$(FLAVORKIT_DRAIN)",
    "${HOME}",
    "${HOME:-x}",
    "$HOME",
    "pa$$word",
    "$",
    "{{ .Values.x }}",
    "\\n",
    "\u03c5",
    "C:\\x",
]

# Values that no variable, URI or name may have.
UNPRINTABLE = ["a\nb", "a\nRUN id", "a\r", "a\0b", "a\x1b[2J", "a\u202eb", "a\u2028b", "a\x85b"]


def workload(**given: object) -> Workload:
    options = {
        "image": Image.parse("registry.example.com/team/iris:1"),
        "name": "iris",
        "cpu": Cpu.parse("1"),
        "memory": Memory.parse("1Gi"),
        **given,
    }
    return Workload(**options)


def full_workload() -> Workload:
    """One with everything that can be said of it."""
    return workload(
        image=Image.parse(DIGEST),
        name="churn-model",
        cpu=Cpu.parse("1500m"),
        memory=Memory.parse("512Mi"),
        variables=(
            ("FLAVORKIT_GRACE", "120.5"),
            ("FLAVORKIT_LOG_FORMAT", "json"),
            ("A", "$(B) $C: #"),
        ),
        model_uri="models:/churn@champion",
    )


def golden(name: str, documents: list[Document]) -> None:
    """Compare with the file of this name. After a change that is meant, remove it and run twice."""
    path, written = GOLDEN / name, text(documents)
    if not path.exists():
        path.write_text(written)
        raise AssertionError(f"{name} was not there; it has been written, look at it")
    assert written == path.read_text()
