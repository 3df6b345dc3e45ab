from flavorkit.descriptor import ModelDescriptor
from flavorkit.docker.as_mlflow import build_docker as build_docker
from flavorkit.flavors.python_function.python_model import ModelConfig as ModelConfig
from flavorkit.flavors.python_function.python_model import set_model as set_model
from flavorkit.flavors.requirements import (
    update_model_requirements as update_model_requirements,
)
from flavorkit.pyfunc.in_environment import predict as predict
from flavorkit.pyfunc.info import get_model_info as get_model_info
from flavorkit.pyfunc.serving_input import validate_serving_input as validate_serving_input
from flavorkit.signature import ModelSignature as ModelSignature
from flavorkit.signature import infer_signature as infer_signature
from flavorkit.signature.example import (
    convert_input_example_to_serving_input as convert_input_example_to_serving_input,
)

Model = ModelDescriptor
