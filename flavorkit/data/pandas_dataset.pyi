from flavorkit.tracking.data.pandas_dataset import PandasDataset as PandasDataset
from flavorkit.tracking.data.pandas_dataset import from_pandas as from_pandas
