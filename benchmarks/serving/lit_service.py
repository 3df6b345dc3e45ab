"""A model served by LitServe."""

import os
from pathlib import Path

import litserve
from loading import predictor


class Model(litserve.LitAPI):
    """Columns and rows in, predictions out."""

    def setup(self, device):
        """Load the model."""
        self.predict_rows = predictor(Path(os.environ["BENCH_FOLDER"]))

    def decode_request(self, request):
        """Columns and rows."""
        return request["columns"], request["rows"]

    def predict(self, given):
        """Predict."""
        return self.predict_rows(*given)

    def encode_response(self, output):
        """Name the predictions."""
        return {"predictions": output}


if __name__ == "__main__":
    server = litserve.LitServer(Model(), accelerator="cpu", workers_per_device=1)
    server.run(port=int(os.environ["BENCH_PORT"]), log_level="warning", generate_client_file=False)
