from flavorkit.tracking.data.dataset import Dataset as Dataset
