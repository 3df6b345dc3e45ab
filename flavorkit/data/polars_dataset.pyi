from flavorkit.tracking.data.polars_dataset import PolarsDataset as PolarsDataset
from flavorkit.tracking.data.polars_dataset import from_polars as from_polars
