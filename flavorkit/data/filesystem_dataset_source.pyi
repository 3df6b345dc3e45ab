from flavorkit.tracking.data.sources import FileDatasetSource

FileSystemDatasetSource = FileDatasetSource
