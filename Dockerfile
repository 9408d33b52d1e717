# One image for the workers, the platform emulator and the command line; docker-compose.yml says which.
FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GAELP_HOME=/var/lib/gaelp
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY starter.py worker.py ./
COPY config config
COPY gaelp gaelp
COPY workflows workflows
COPY activities activities
# A regular user: agents are foreign code, even where nothing secret is near.
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && useradd --system --create-home gaelp \
    && install -d -o gaelp -g gaelp /var/lib/gaelp
USER gaelp
ENTRYPOINT ["python"]
