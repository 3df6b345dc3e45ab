from flavorkit.tracking.data.sources import CodeDatasetSource as CodeDatasetSource
