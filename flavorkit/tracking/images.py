"""Images: what users have, made into images of Pillow."""

from __future__ import annotations

import re
import uuid
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flavorkit.errors import InvalidArgumentError, MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image as PillowImage

_SMALL_PIXELS = 256
_KEY = re.compile(r"[a-zA-Z0-9_\-./ ]+\Z")


class Image:
    """An image, of an array, a nested list, the path of a file, or an image of Pillow.

    Raises:
        TypeError: it is of none of these.
        InvalidArgumentError: the array has another shape or range than an image.
    """

    def __init__(self, image: Any) -> None:
        if isinstance(image, list):
            import numpy as np

            image = np.array(image)
        self.image = _opened(image) if isinstance(image, str | Path) else pillow_of(image)
        self.size = self.image.size

    def to_list(self) -> list[Any]:
        """Its pixels, row by row."""
        return list(self.image.getdata())

    def to_array(self) -> np.ndarray[Any, Any]:
        """Its pixels: rows, columns, channels."""
        import numpy as np

        return np.array(self.image)

    def to_pil(self) -> PillowImage:
        """As an image of Pillow."""
        return self.image

    def save(self, path: str | Path) -> None:
        """Write it to a file, whose ending says how."""
        self.image.save(path)

    def resize(self, size: tuple[int, int]) -> Image:
        """A copy of another width and height."""
        return Image(self.image.resize(size))


def pillow_of(image: Any) -> PillowImage:
    """An array, an :class:`Image` or an image of Pillow, as the last.

    Raises:
        TypeError: it is none of these.
        InvalidArgumentError: the array has another shape or range than an image.
    """
    if isinstance(image, Image):
        return image.to_pil()
    pillow = _pillow()
    if isinstance(image, pillow.Image):
        given: PillowImage = image
        return given
    import numpy as np

    if isinstance(image, np.ndarray):
        made: PillowImage = pillow.fromarray(_pixels(image))
        return made
    raise TypeError(
        f"an image is an array of numpy, an image of Pillow or a flavorkit.Image, not"
        f" {type(image).__name__}"
    )


def small(image: PillowImage) -> PillowImage:
    """A copy whose longer side has 256 pixels."""
    width, height = image.size
    longer = max(width, height)
    return image.resize(
        (max(1, width * _SMALL_PIXELS // longer), max(1, height * _SMALL_PIXELS // longer))
    )


def path_in_series(key: str, step: int, timestamp: int) -> str:
    """The path of an image of a series, as MLflow writes it, without an ending.

    Raises:
        InvalidArgumentError: the key has other characters than its rule allows.
    """
    if not _KEY.match(key):
        raise InvalidArgumentError(
            f"the key of an image is made of letters, digits, '_', '-', '.', '/' and ' ':"
            f" not {key!r}"
        )
    name = key.replace("/", "~")
    return f"images/{name}+step+{step}+timestamp+{timestamp}+{uuid.uuid4()}"


def _pixels(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    if array.dtype.kind not in "biuf":
        raise TypeError(f"the pixels of an image are numbers or true and false, not {array.dtype}")
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {1, 3, 4}):
        raise InvalidArgumentError(
            f"an image has rows, columns and perhaps 1, 3 or 4 channels, not the shape"
            f" {array.shape}"
        )
    if array.size == 0:
        raise InvalidArgumentError(f"an image has pixels; this one has the shape {array.shape}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    least, most = array.min(), array.max()
    if array.dtype.kind in "iu":
        if least < 0 or most > 255:
            raise InvalidArgumentError(
                f"integer pixels are from 0 to 255, not from {least} to {most}: rescale them"
            )
        return array.astype(np.uint8)
    if least < 0 or most > 1:
        warnings.warn(
            f"float pixels are from 0 to 1, not from {least} to {most}: they were rescaled",
            stacklevel=4,
        )
        array = (array - least) / (most - least if most > least else 1)
    return (array * 255).astype(np.uint8)


def _opened(path: str | Path) -> PillowImage:
    opened: PillowImage = _pillow().open(path)
    return opened


def _pillow() -> Any:
    try:
        import PIL.Image
    except ImportError:
        raise MissingDependencyError("logging an image", "Pillow") from None
    return PIL.Image
