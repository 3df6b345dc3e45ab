from flavorkit.errors import AlreadyExistsError as AlreadyExistsError
from flavorkit.errors import BrokenFlavorError as BrokenFlavorError
from flavorkit.errors import BrokenTargetError as BrokenTargetError
from flavorkit.errors import DeadlineExceededError as DeadlineExceededError
from flavorkit.errors import DeploymentError as DeploymentError
from flavorkit.errors import DescriptorError as DescriptorError
from flavorkit.errors import EnvironmentBuildError as EnvironmentBuildError
from flavorkit.errors import EnvironmentMismatchError as EnvironmentMismatchError
from flavorkit.errors import FlavorkitError as FlavorkitError
from flavorkit.errors import ImageBuildError as ImageBuildError
from flavorkit.errors import IntegrityError as IntegrityError
from flavorkit.errors import InvalidArgumentError as InvalidArgumentError
from flavorkit.errors import InvalidInputError as InvalidInputError
from flavorkit.errors import MissingDependencyError as MissingDependencyError
from flavorkit.errors import NotFoundError as NotFoundError
from flavorkit.errors import PathOccupiedError as PathOccupiedError
from flavorkit.errors import PayloadTooLargeError as PayloadTooLargeError
from flavorkit.errors import RequestError as RequestError
from flavorkit.errors import RequirementError as RequirementError
from flavorkit.errors import SignatureError as SignatureError
from flavorkit.errors import StoreUnavailableError as StoreUnavailableError
from flavorkit.errors import TrustError as TrustError
from flavorkit.errors import UnreadableModelError as UnreadableModelError
from flavorkit.errors import UnsavableModelError as UnsavableModelError
from flavorkit.errors import UnsupportedByStoreError as UnsupportedByStoreError
from flavorkit.errors import UnsupportedByTargetError as UnsupportedByTargetError
from flavorkit.errors import UnsupportedMediaTypeError as UnsupportedMediaTypeError
from flavorkit.errors import UnsupportedModelError as UnsupportedModelError

MlflowException = FlavorkitError
RestException = FlavorkitError
