"""The node of these runs on FastAPI, under uvicorn: `fastapi_node.py PORT`."""

import sys

import uvicorn
from fastapi import FastAPI

from limpet_session import LimpetSessionMiddleware
from tests.survival.app import NODE_KEY, healthz, visit


def main(port: int) -> None:
    app = FastAPI()
    app.add_middleware(LimpetSessionMiddleware, keys=[NODE_KEY])
    app.get("/healthz")(healthz)
    app.api_route("/visit", methods=["GET", "POST"])(visit)
    uvicorn.run(app, port=port, access_log=False, log_level="warning", timeout_keep_alive=60, backlog=2048)


if __name__ == "__main__":
    main(int(sys.argv[1]))
