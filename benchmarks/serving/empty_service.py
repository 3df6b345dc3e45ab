"""What any server on Starlette costs at least: JSON in, an answer of as many rows out."""

import orjson
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route


async def invocations(request):
    """Answer a zero for each row."""
    body = orjson.loads(await request.body())
    rows = body["dataframe_split"]["data"] if "dataframe_split" in body else body["inputs"]
    content = orjson.dumps({"predictions": [0] * len(rows)})
    return Response(content, media_type="application/json")


async def ping(request):
    """Say that it is there."""
    return Response(b"{}")


app = Starlette(routes=[Route("/invocations", invocations, methods=["POST"]), Route("/ping", ping)])
