from flavorkit.tracking.entities import ModelVersion as ModelVersion
from flavorkit.tracking.entities import ModelVersionTag as ModelVersionTag
from flavorkit.tracking.entities import RegisteredModel as RegisteredModel
from flavorkit.tracking.entities import RegisteredModelTag as RegisteredModelTag
