from flavorkit.tracking.files_by_uri import download_artifacts as download_artifacts
from flavorkit.tracking.files_by_uri import list_artifacts as list_artifacts
from flavorkit.tracking.files_by_uri import load_dict as load_dict
from flavorkit.tracking.files_by_uri import load_image as load_image
from flavorkit.tracking.files_by_uri import load_text as load_text
