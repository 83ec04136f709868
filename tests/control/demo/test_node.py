"""The demo's app server counts each visitor: by itself until it starts anew, in the session beyond that."""

import os

import httpx

from control.demo.node import make_app

KEY = "a-key-of-sixteen-bytes-or-more"
ID = "q1Zp0vYcR7mXw3bKfT9eLA"


def client(name: str) -> httpx.AsyncClient:
    app = make_app(name, KEY)
    url = f"http://{name}-{os.getpid()}"  # nodes of one address share their sessions, or say that they do not
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=url)  # type: ignore[arg-type]  # its scopes are dicts


def asked(version: str) -> dict[str, str]:
    return {"Limpet-Key": KEY, "Limpet-Session": ID, "Limpet-Version": version, "Limpet-TTL": "60"}


async def test_another_process_remembers_nobody_and_goes_on_with_the_session() -> None:
    async with client("a") as a, client("b") as b:
        first = await a.post("/visit", headers=asked("0"))
        second = await a.post("/visit", headers=asked(first.headers["Limpet-Version"]))
        told = second.json()
        assert (told["node"], told["remembered"], told["visits"]) == ("a", 2, 2)
        assert (await a.get("/stats")).json() == {"sessions": 1, "visits": 2}

        path = f"/.limpet/sessions/{ID}"
        state = (await a.get(path, headers={"Limpet-Key": KEY})).content
        version = second.headers["Limpet-Version"]
        put = {"Limpet-Key": KEY, "Limpet-Version": version, "Limpet-TTL": "60"}
        assert (await b.put(path, headers=put, content=state)).status_code == 204
        taking_over = asked(version) | {"Limpet-Takeover": str(int(version) + 1)}
        told = (await b.post("/visit", headers=taking_over)).json()
        assert (told["node"], told["remembered"], told["visits"]) == ("b", 1, 3)


async def test_the_page_its_health_and_what_is_not_there() -> None:
    async with client("a") as a:
        page = await a.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "/demo/state" in page.text
        assert (await a.get("/healthz")).status_code == 200
        assert (await a.get("/visit")).status_code == 404
