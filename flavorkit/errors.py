"""Every error flavorkit raises on purpose.

* FlavorkitError                500 INTERNAL_ERROR
  x DescriptorError             400 INVALID_PARAMETER_VALUE  an MLmodel file that cannot be used
  x IntegrityError              500 DATA_LOSS                a file is not what the manifest says
  x TrustError                  403 PERMISSION_DENIED        the caller's policy forbids loading
  x UnreadableModelError        400 INVALID_PARAMETER_VALUE  a file that its format cannot explain
  x NotFoundError               404 RESOURCE_DOES_NOT_EXIST  no such model, run, version, artifact
    x BrokenFlavorError         501 NOT_IMPLEMENTED          a plug-in that cannot be used
    x BrokenTargetError         501 NOT_IMPLEMENTED          the same, of a place to deploy to
  x AlreadyExistsError          400 RESOURCE_ALREADY_EXISTS  a name that is taken
  x InvalidArgumentError        400 INVALID_PARAMETER_VALUE  a name, key, filter, ... against a rule
  x UnsupportedByStoreError     501 NOT_IMPLEMENTED          this kind of store cannot do that
  x UnsupportedByTargetError    501 NOT_IMPLEMENTED          this place to deploy to cannot do that
  x AccessDeniedError           403 PERMISSION_DENIED        the server does not let the caller
  x StoreUnavailableError       503 TEMPORARILY_UNAVAILABLE  the database or server does not answer
    x OutcomeUnknownError       500 INTERNAL_ERROR           it was lost while it committed
  x StorageFullError            507 RESOURCE_EXHAUSTED       no room for an artifact
  x MissingDependencyError      501 NOT_IMPLEMENTED          a package that this needs is missing
  x UnsupportedModelError       400 INVALID_PARAMETER_VALUE  no flavor knows this type of model
  x UnsavableModelError         400 INVALID_PARAMETER_VALUE  a model that cannot be saved this way
  x PathOccupiedError           409 RESOURCE_ALREADY_EXISTS  something stands where a model goes
  x RequirementError            400 INVALID_PARAMETER_VALUE  malformed, or smuggles an option
  x EnvironmentBuildError       500 INTERNAL_ERROR           no environment could be made
  x ImageBuildError             500 INTERNAL_ERROR           an engine could not build an image
  x EnvironmentMismatchError    500 INTERNAL_ERROR           other packages than the model's
  x SignatureError              400 INVALID_PARAMETER_VALUE  malformed or contradictory
  x InvalidInputError           400 INVALID_PARAMETER_VALUE  data that does not fit the signature
  x PredictionError             500 INTERNAL_ERROR           the model failed on some rows
  x DeploymentError             500 INTERNAL_ERROR           it does not start, or does not answer
  x RequestError                400 BAD_REQUEST              a request that cannot be read
    x PayloadTooLargeError      413 BAD_REQUEST
    x UnsupportedMediaTypeError 415 BAD_REQUEST
    x HeadTooLargeError         431 BAD_REQUEST
    x RequestTimeoutError       408 BAD_REQUEST              it took too long to arrive
  x OverloadedError             429 REQUEST_LIMIT_EXCEEDED   too many requests at once
  x NotReadyError               503 TEMPORARILY_UNAVAILABLE  the server cannot answer now
  x DeadlineExceededError       504 DEADLINE_EXCEEDED        the answer took longer than the limit

The status is what an HTTP server answers, the code is what MLflow's clients know it by.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import ClassVar


class FlavorkitError(Exception):
    """Base class: catch this to catch everything flavorkit raises on purpose."""

    status: ClassVar[int] = 500
    error_code: ClassVar[str] = "INTERNAL_ERROR"

    @property
    def message(self) -> str:
        """The text of the error, as it is sent to an HTTP client."""
        return str(self)

    def get_http_status_code(self) -> int:
        """The HTTP status, under the name that MLflow's exceptions give it."""
        return self.status


class DescriptorError(FlavorkitError):
    """The MLmodel file is missing, malformed or contradictory."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"

    def __init__(self, path: object, where: str, problem: str) -> None:
        super().__init__(f"{path}: {where}: {problem}" if where else f"{path}: {problem}")
        self.path, self.where, self.problem = path, where, problem


class IntegrityError(FlavorkitError):
    """A file of a model folder is not what its manifest says, or the manifest is forged."""

    error_code = "DATA_LOSS"

    def __init__(self, folder: object, problems: Iterable[str]) -> None:
        self.folder, self.problems = folder, tuple(problems)
        super().__init__(
            f"{folder} is not the model that was saved: {'; '.join(self.problems)}."
            " Nothing was loaded; fetch the folder again from where it came from, or delete what"
            " was added."
        )


class TrustError(FlavorkitError):
    """The caller's policy does not allow what loading this model would do."""

    status = 403
    error_code = "PERMISSION_DENIED"

    def __init__(self, folder: object, refused: str, reason: str, allow: Iterable[str]) -> None:
        self.folder, self.refused, self.reason = folder, refused, reason
        ways = "; or ".join(allow)
        super().__init__(f"{folder} was not loaded: {refused}, and {reason}. To allow it: {ways}.")


class UnreadableModelError(FlavorkitError):
    """A file of a model is not what its format promises, or does not fit what is installed."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"

    def __init__(self, path: object, problem: object) -> None:
        self.path, self.problem = path, problem
        what = problem
        if isinstance(problem, BaseException):
            what = f"{type(problem).__name__}: {problem}"
        super().__init__(f"{path} cannot be loaded: {what}")


class NotFoundError(FlavorkitError):
    """No such model, run, version or artifact."""

    status = 404
    error_code = "RESOURCE_DOES_NOT_EXIST"


class AlreadyExistsError(FlavorkitError):
    """The name is taken."""

    status = 400
    error_code = "RESOURCE_ALREADY_EXISTS"


class InvalidArgumentError(FlavorkitError):
    """A name, a key, a filter, a page token or another argument breaks a rule, which it says."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"


class UnsupportedByStoreError(FlavorkitError):
    """A store of this kind cannot do that."""

    status = 501
    error_code = "NOT_IMPLEMENTED"


class UnsupportedByTargetError(FlavorkitError, NotImplementedError):
    """A place that models are deployed to cannot do that."""

    status = 501
    error_code = "NOT_IMPLEMENTED"


class AccessDeniedError(FlavorkitError):
    """The server does not let the caller do that, or does not know who it is."""

    status = 403
    error_code = "PERMISSION_DENIED"


class StoreUnavailableError(FlavorkitError):
    """The database or the server behind a store does not answer; nothing was half done."""

    status = 503
    error_code = "TEMPORARILY_UNAVAILABLE"


class OutcomeUnknownError(StoreUnavailableError):
    """The database was lost while it committed: what was to be written may be there, or not."""

    status = 500
    error_code = "INTERNAL_ERROR"


class StorageFullError(FlavorkitError):
    """There is no room for an artifact; nothing of it was left."""

    status = 507
    error_code = "RESOURCE_EXHAUSTED"


class BrokenFlavorError(NotFoundError, ImportError):
    """A flavor that an installed distribution adds, and that cannot be used.

    Args:
        problem: which, of what distribution, and why, as half a sentence.
    """

    status = 501
    error_code = "NOT_IMPLEMENTED"

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; update or uninstall that distribution")
        self.problem = problem


class BrokenTargetError(NotFoundError, ImportError):
    """A place to deploy to that an installed distribution adds, and that cannot be used."""

    status = 501
    error_code = "NOT_IMPLEMENTED"


class MissingDependencyError(FlavorkitError):
    """A package or a program that the request needs is not installed.

    Args:
        what: what needs it.
        package: its name.
        extra: the extra of flavorkit that installs it, if one does.
        install: what else installs it, where pip does not.
    """

    status = 501
    error_code = "NOT_IMPLEMENTED"

    def __init__(
        self, what: str, package: str, *, extra: str | None = None, install: str | None = None
    ) -> None:
        wanted = f"flavorkit[{extra}]" if extra else package
        how = install or f"pip install '{wanted}'"
        super().__init__(f"{what} needs {package}: {how}")
        self.what, self.package = what, package


class UnsupportedModelError(FlavorkitError):
    """No installed flavor knows this type of model.

    Args:
        model: the model.
        known: the names of the flavors.
        broken: what is wrong with those that cannot be used, each as half a sentence.
    """

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"

    def __init__(self, model: object, known: Iterable[str], broken: Iterable[str] = ()) -> None:
        cls = type(model)
        also = "".join(f"; {problem}" for problem in broken)
        if isinstance(model, type):
            also += f"; this is the class {model.__qualname__} itself: save an object of it"
        elif isinstance(model, str | PurePath):
            also += "; if it is the path of a model, load that and save the object"
        super().__init__(
            f"no flavor saves {cls.__module__}.{cls.__qualname__}"
            f" (known flavors: {', '.join(known)}); name the one that should with flavor=, or write"
            f" a flavorkit.pyfunc.PythonModel around it{also}"
        )


class UnsavableModelError(FlavorkitError):
    """This model cannot be saved in the way asked for; the message says in which it can."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"


class PathOccupiedError(FlavorkitError, FileExistsError):
    """Something stands where the model should go, and it is not to be replaced."""

    status = 409
    error_code = "RESOURCE_ALREADY_EXISTS"

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


class RequirementError(FlavorkitError):
    """A requirement is malformed, or smuggles in an option, a URL or a file."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"


class EnvironmentBuildError(FlavorkitError):
    """An environment for a model could not be made.

    Args:
        problem: what went wrong.
        output: what the tool said; its last lines are shown.
        advice: what to do.
    """

    _SHOWN_LINES = 12

    def __init__(self, problem: str, *, output: str = "", advice: str = "") -> None:
        last = [line.strip() for line in output.splitlines() if line.strip()]
        said = f": {' | '.join(last[-self._SHOWN_LINES :])}" if last else ""
        super().__init__(f"{problem}{said}{f'; {advice}' if advice else ''}")
        self.output = output


class ImageBuildError(FlavorkitError):
    """The program that builds images has failed."""


class EnvironmentMismatchError(FlavorkitError):
    """What is installed is not what the model was saved with, and the caller asked for that."""

    def __init__(self, folder: object, problems: Iterable[str], fixes: Iterable[str]) -> None:
        self.folder, self.problems = folder, tuple(problems)
        super().__init__(
            f"{folder} was not loaded, as it was saved with other packages than are installed here:"
            f" {'; '.join(self.problems)}. To have them: {'; or '.join(fixes)}."
        )


class SignatureError(FlavorkitError):
    """A signature is malformed or contradicts itself."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"


class InvalidInputError(FlavorkitError):
    """The data does not fit the model's signature.

    Args:
        problems: one sentence for each column, tensor or parameter at fault.
    """

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("; ".join(self.problems))


class PredictionError(FlavorkitError):
    """The model failed, or what it gave cannot be put beside the rows that it was given.

    Where the model raised an error, that is the cause of this one.

    Args:
        rows: the first and the last row of the data at fault, where it was not all of it.
        problem: what happened, as a sentence.
    """

    def __init__(self, problem: str, rows: tuple[int, int] | None = None) -> None:
        where = "" if rows is None else f" on rows {rows[0]} to {rows[1]}"
        super().__init__(f"the model failed{where}: {problem}")
        self.problem, self.rows = problem, rows


class DeploymentError(FlavorkitError):
    """A deployment does not start, has stopped, or does not answer as it should.

    Args:
        problem: what happened, as half a sentence.
        log: what the server said; its last lines are shown.
    """

    _SHOWN_LINES = 12

    def __init__(self, problem: str, log: str = "") -> None:
        last = [line.strip() for line in log.splitlines() if line.strip()][-self._SHOWN_LINES :]
        super().__init__(problem + (f"; its log ends: {' | '.join(last)}" if last else ""))
        self.problem, self.log = problem, log


class RequestError(FlavorkitError):
    """A request that cannot be read, whatever the model."""

    status = 400
    error_code = "BAD_REQUEST"


class PayloadTooLargeError(RequestError):
    """The body is larger than the server takes."""

    status = 413

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"the body is larger than the limit of {limit_bytes} bytes; send fewer rows at a time"
        )


class UnsupportedMediaTypeError(RequestError):
    """The body is of a content type that the server does not read."""

    status = 415


class HeadTooLargeError(RequestError):
    """The request line and the headers are larger than the server takes."""

    status = 431

    def __init__(self, limit_bytes: int, limit_headers: int) -> None:
        super().__init__(
            f"the head of the request is larger than {limit_bytes} bytes, or has more than"
            f" {limit_headers} headers"
        )


class RequestTimeoutError(RequestError):
    """The request took too long to arrive."""

    status = 408

    def __init__(self, limit_seconds: float) -> None:
        super().__init__(f"the request did not arrive within {_seconds(limit_seconds)}")


class NotReadyError(FlavorkitError):
    """The server does not answer requests now: its model is not loaded, or it is stopping."""

    status = 503
    error_code = "TEMPORARILY_UNAVAILABLE"


class OverloadedError(FlavorkitError):
    """Too many requests wait already; this one was not begun."""

    status = 429
    error_code = "REQUEST_LIMIT_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("the server has too many requests waiting; try again in a second")


class DeadlineExceededError(FlavorkitError):
    """The answer took longer than the limit.

    Args:
        limit_seconds: the limit.
        advice: what to do about it.
    """

    status = 504
    error_code = "DEADLINE_EXCEEDED"

    def __init__(
        self,
        limit_seconds: float,
        advice: str = "send fewer rows at a time, or start the server with a larger --timeout",
    ) -> None:
        super().__init__(f"the answer took longer than {_seconds(limit_seconds)}; {advice}")
        self.limit_seconds = limit_seconds


def _seconds(number: float) -> str:
    return "1 second" if number == 1 else f"{number:g} seconds"
