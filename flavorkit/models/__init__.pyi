from flavorkit.descriptor import ModelDescriptor
from flavorkit.signature import ModelSignature as ModelSignature
from flavorkit.signature import infer_signature as infer_signature

Model = ModelDescriptor
