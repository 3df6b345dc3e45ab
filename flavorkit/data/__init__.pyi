from flavorkit.tracking.data.dataset import Dataset as Dataset
from flavorkit.tracking.data.dataset import MetaDataset as MetaDataset
from flavorkit.tracking.data.dataset import get_source as get_source
from flavorkit.tracking.data.numpy_dataset import from_numpy as from_numpy
from flavorkit.tracking.data.pandas_dataset import from_pandas as from_pandas
from flavorkit.tracking.data.polars_dataset import from_polars as from_polars
from flavorkit.tracking.data.sources import DatasetSource as DatasetSource
