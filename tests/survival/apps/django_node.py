"""The node of these runs on Django: `django_node.py wsgi|asgi PORT`, under waitress or uvicorn."""

import asyncio
import sys
import time
from typing import Any

import django
import uvicorn
import waitress
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from tests.survival.app import NODE_KEY
from tests.survival.asked import told, write


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


def visit(request: HttpRequest) -> HttpResponse:
    """What is asked as in `tests/survival/app.py`."""
    session: Any = request.session
    time.sleep(float(request.GET.get("before", 0)))
    act(session, request.GET.dict())
    time.sleep(float(request.GET.get("after", 0)))
    return JsonResponse(told(session))


async def avisit(request: HttpRequest) -> HttpResponse:
    session: Any = request.session
    await asyncio.sleep(float(request.GET.get("before", 0)))
    act(session, request.GET.dict())
    await asyncio.sleep(float(request.GET.get("after", 0)))
    return JsonResponse(told(session))


def act(session: Any, asked: dict[str, str]) -> None:
    write(session, asked)
    if "login" in asked:
        session.cycle_key()
    if "logout" in asked:
        session.flush()


urlpatterns: list[Any] = []


def main(kind: str, port: int) -> None:
    urlpatterns.extend([path("healthz", healthz), path("visit", visit if kind == "wsgi" else avisit)])
    settings.configure(
        ALLOWED_HOSTS=["*"],
        LIMPET_NODE_KEYS=[NODE_KEY],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",  # it tells how long answers are
        ],
        ROOT_URLCONF=__name__,
        SECRET_KEY="the same on all nodes",
        SESSION_ENGINE="limpet_session.django",
    )
    django.setup()
    if kind == "wsgi":
        app = get_wsgi_application()
        waitress.serve(app, host="127.0.0.1", port=port, threads=32, connection_limit=2000, backlog=2048)
    else:
        config = {"access_log": False, "log_level": "warning", "lifespan": "off", "backlog": 2048}
        uvicorn.run(get_asgi_application(), port=port, timeout_keep_alive=60, **config)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
