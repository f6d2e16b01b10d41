# The service and its networks, for CPUs. Any base with Python 3.11 or newer will do:
#   docker build --build-arg BASE=my/debian-with-python3 -t chiasm .
# Where there is no Docker, docker/build.sh makes a base and builds this very file with buildah.
ARG BASE=python:3.11-slim

# The libraries, a layer that an upgrade of the service leaves as it is. pip stays behind.
FROM ${BASE} AS libraries
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/chiasm
COPY requirements/base.txt requirements/image.txt docker/slim.py /build/
RUN /opt/pip/bin/pip --python /opt/chiasm/bin/python install --no-cache-dir -r /build/image.txt \
 && python3 /build/slim.py /opt/chiasm

FROM libraries AS service
COPY . /build
RUN /opt/pip/bin/pip --python /opt/chiasm/bin/python install --no-cache-dir --no-deps \
      --root /service --prefix /opt/chiasm /build \
 && install -D -m 0644 /build/docker/healthcheck.py /service/opt/chiasm/healthcheck.py \
 && mkdir /data

FROM ${BASE}
COPY --from=libraries /opt/chiasm /opt/chiasm
COPY --from=service /service /
COPY --from=service --chown=10001:10001 /data /data
ENV PATH=/opt/chiasm/bin:$PATH CHIASM_HOST=0.0.0.0 CHIASM_DATA_DIR=/data PYTHONDONTWRITEBYTECODE=1
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Chiasm" \
      org.opencontainers.image.description="Pretrained vision networks behind plain REST endpoints" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Numeric, so that an orchestrator can see that it is not root. Only the volume is written to.
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python3", "-IS", "/opt/chiasm/healthcheck.py"]
# The first process reaps orphans and hands signals to the service, and to the service alone.
ENTRYPOINT ["dumb-init", "--single-child", "--", "chiasm"]
CMD ["serve"]
