"""A scripted PyTorch module as a model of MLServer, which has no runtime for them of its own."""

import torch
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Net(MLModel):
    """One tensor in, one out."""

    async def load(self) -> bool:
        """Read the module."""
        torch.set_num_threads(1)
        self.net = torch.jit.load(self.settings.parameters.uri).eval()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Predict."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        with torch.inference_mode():
            answer = self.net(torch.from_numpy(rows)).numpy()
        outputs = [NumpyCodec.encode_output("predictions", answer)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
