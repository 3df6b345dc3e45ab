from flavorkit.tracking.data.sources import DatasetSource as DatasetSource
