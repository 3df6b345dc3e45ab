from flavorkit.tracking.client import FlavorkitClient as FlavorkitClient
from flavorkit.tracking.client import MLflowClient as MLflowClient
from flavorkit.tracking.client import MlflowClient as MlflowClient
