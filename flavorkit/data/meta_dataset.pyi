from flavorkit.tracking.data.dataset import MetaDataset as MetaDataset
