from flavorkit.tracking.data.sources import HTTPDatasetSource as HTTPDatasetSource
