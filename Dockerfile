FROM python:3.13-slim AS packages
COPY requirements.txt .
RUN python -m venv /opt/packages \
    && /opt/packages/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.13-slim
RUN useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin statuspage \
    && install -d -o statuspage -g statuspage /data
COPY --from=packages /opt/packages /opt/packages
COPY . /app
WORKDIR /app
ENV PATH=/opt/packages/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8000
RUN python -m compileall -q .
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/', timeout=4)"]
CMD ["python", "manage.py", "web"]
