from flavorkit.tracking.data.numpy_dataset import NumpyDataset as NumpyDataset
from flavorkit.tracking.data.numpy_dataset import from_numpy as from_numpy
