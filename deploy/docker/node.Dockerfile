# An app server to try Limpet with: the FastAPI example, with the SDK in it. Put your own app in its place.
# This file has not been built by the project's tests: they have no Docker.

FROM python:3.11-slim
COPY sdk/python /src/sdk
COPY examples/backends/fastapi /app
RUN pip install --no-cache-dir /src/sdk -r /app/requirements.txt
WORKDIR /app
USER 10001
EXPOSE 9000
CMD ["uvicorn", "--host", "0.0.0.0", "--port", "9000", "--no-access-log", "app_limpet:app"]
