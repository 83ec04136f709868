"""A Django app that does what the tests need, for WSGI and ASGI servers; `DJANGO_DATABASE` names its file."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import django
from django.conf import settings
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path

from limpet_session import LimpetSessionMiddleware, SessionClosed
from limpet_session.wsgi import LimpetSession
from tests.sdk.nodes import KEY

SEEN: list[str] = []  # what was raised, here or in Django
MEETING = threading.Barrier(2)
RELEASE = threading.Event()


def outermost(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Outside of the sessions' own middleware; answers by itself, or breaks."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path == "/broken":
            raise ZeroDivisionError
        return HttpResponse(status=418) if request.path == "/teapot" else get_response(request)

    return middleware


class Noticed(logging.Handler):
    """What Django logs of exceptions."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0]:
            SEEN.append(record.exc_info[0].__name__)


settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    CSRF_USE_SESSIONS=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("DJANGO_DATABASE", ":memory:"),
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages"],
    LIMPET_NODE_KEYS=[KEY],
    LIMPET_SESSION_OPTIONS={"max_state": 6000, "fence_seconds": 0.2},
    LOGGING_CONFIG=None,
    MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage",
    MIDDLEWARE=[
        f"{__name__}.outermost",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="the same on all nodes",
    SESSION_ENGINE="limpet_session.django",
    USE_TZ=True,
)
django.setup()
logging.getLogger("django.request").addHandler(Noticed())

from django.contrib import auth, messages  # noqa: E402 - they need the settings
from django.contrib.auth.models import User  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.middleware.csrf import get_token  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def seen(request: HttpRequest) -> HttpResponse:
    """What was raised since the last time."""
    told = list(SEEN)
    SEEN.clear()
    return JsonResponse(told, safe=False)


def show(request: HttpRequest) -> HttpResponse:
    session: Any = request.session
    told = {"data": dict(session.items()), "key": session.session_key, "empty": session.is_empty()}
    return JsonResponse({**told, "user": str(request.user)})


async def ashow(request: HttpRequest) -> HttpResponse:
    session: Any = request.session
    user = await request.auser()
    return JsonResponse({"data": dict(await session.aitems()), "user": str(user)})


def put(request: HttpRequest) -> HttpResponse:
    request.session.update(request.GET.dict())
    return JsonResponse(dict(request.session.items()), status=int(request.GET.get("status", 200)))


async def aput(request: HttpRequest) -> HttpResponse:
    session: Any = request.session
    for key, value in request.GET.items():
        await session.aset(key, value)
    return JsonResponse(dict(await session.aitems()))


def meet(request: HttpRequest) -> HttpResponse:
    """Writes only when another one is about to."""
    request.session.get("a")
    MEETING.wait(60)
    request.session.update(request.GET.dict())
    return HttpResponse()


async def ameet(request: HttpRequest) -> HttpResponse:
    await request.session.aget("a")  # type: ignore[attr-defined]
    await asyncio.to_thread(MEETING.wait, 60)
    for key, value in request.GET.items():
        request.session[key] = value
    return HttpResponse()


def later(request: HttpRequest) -> HttpResponse:
    """Writes after half a second or more, as `limpet contract --slow` wants it."""
    time.sleep(0.7)
    request.session["later"] = 1
    return HttpResponse()


def login(request: HttpRequest) -> HttpResponse:
    name = request.GET["user"]
    user = User.objects.filter(username=name).first() or User.objects.create_user(name, password="secret")
    auth.login(request, user)
    return JsonResponse({"key": request.session.session_key})


async def alogin(request: HttpRequest) -> HttpResponse:
    name = request.GET["user"]
    user = await User.objects.filter(username=name).afirst() or await User.objects.acreate_user(name)
    await auth.alogin(request, user)
    return JsonResponse({"key": request.session.session_key})


def logout(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    return HttpResponseRedirect("/show")


async def alogout(request: HttpRequest) -> HttpResponse:
    await auth.alogout(request)
    return HttpResponseRedirect("/show")


def farewell(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    messages.info(request, "goodbye")
    return HttpResponse()


def told(request: HttpRequest) -> HttpResponse:
    return JsonResponse([str(message) for message in messages.get_messages(request)], safe=False)


def token(request: HttpRequest) -> HttpResponse:
    return HttpResponse(get_token(request))


def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse("passed")


def grow(request: HttpRequest) -> HttpResponse:
    request.session["large"] = "x" * 7000
    return HttpResponse()


def large(request: HttpRequest) -> HttpResponse:
    request.session["large"] = "x" * 5000
    return HttpResponse()


def odd(request: HttpRequest) -> HttpResponse:
    request.session["odd"] = object()
    return HttpResponse()


def fail(request: HttpRequest) -> HttpResponse:
    request.session["lost"] = 1
    raise ZeroDivisionError


def gone(request: HttpRequest) -> HttpResponse:
    request.session["kept"] = 1
    raise Http404


def names(request: HttpRequest) -> HttpResponse:
    answer = JsonResponse(
        [name for name in request.META if "LIMPET_" in name.upper() and name != "LIMPET_NODE_KEYS"],
        safe=False,
    )
    answer["Limpet-End"] = "1"
    return answer


def stream(request: HttpRequest) -> HttpResponse:
    request.session["before"] = 1
    return StreamingHttpResponse(late(request))


def late(request: HttpRequest) -> Iterator[bytes]:
    try_late(request)
    yield b"whole"


async def astream(request: HttpRequest) -> HttpResponse:
    request.session["before"] = 1
    return StreamingHttpResponse(alate(request))


async def alate(request: HttpRequest) -> AsyncIterator[bytes]:
    try_late(request)
    yield b"whole"


def try_late(request: HttpRequest) -> None:
    try:
        request.session["late"] = 1
    except SessionClosed as error:
        SEEN.append(type(error).__name__)


views = [healthz, show, ashow, login, alogin, logout, alogout, farewell, told, token, guarded]
views += [grow, large, odd, fail, gone, names, stream, astream]
urlpatterns = [path(view.__name__, view) for view in views]
urlpatterns += [path(view.__name__, csrf_exempt(view)) for view in (seen, later, put, aput, meet, ameet)]


def make_tables() -> None:
    """Once for each database."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def front_wsgi(environ: Any, start_response: Any) -> Any:
    """Something outside of Django that answers by itself."""
    if environ["PATH_INFO"] == "/front":
        start_response("200 OK", [("Content-Length", "0")])
        return []
    return wsgi(environ, start_response)


async def front_asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/front":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})
    else:
        await asgi(scope, receive, send)


if __name__ == "__main__":
    make_tables()
else:
    wsgi = get_wsgi_application()
    asgi = get_asgi_application()
    wrapped_wsgi = LimpetSession(front_wsgi, settings.LIMPET_NODE_KEYS, max_state=6000)
    wrapped_asgi = LimpetSessionMiddleware(front_asgi, settings.LIMPET_NODE_KEYS, max_state=6000)
