"""A server that answers as those of images do, of a model that says 0 of every row of iris.

It needs nothing but Python, so it runs in any image, and as the container of a made-up engine.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/version":
            self.answer(200, {"model": {"flavor": "sklearn", "digest": "sha256:0"}})
        else:
            self.answer(200, {"status": "ready"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        table = body.get("dataframe_split", {})
        rows = table.get("data") or body.get("inputs") or body.get("instances")
        columns = len(rows) if isinstance(rows, dict) else len(rows[0])
        if columns != 4:
            self.answer(400, {"error_code": "BAD", "message": "the column 'petal' is missing"})
            return
        count = len(next(iter(rows.values()))) if isinstance(rows, dict) else len(rows)
        self.answer(200, {"predictions": [0] * count})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if os.environ.get("BROKEN"):
        sys.exit("the model cannot be loaded")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
