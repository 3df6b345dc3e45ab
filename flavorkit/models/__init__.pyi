from flavorkit.descriptor import ModelDescriptor
from flavorkit.flavors.requirements import (
    update_model_requirements as update_model_requirements,
)
from flavorkit.signature import ModelSignature as ModelSignature
from flavorkit.signature import infer_signature as infer_signature

Model = ModelDescriptor
