# Two stages, so that pip, its cache and the sources stay behind. Any base with Python 3.11+ will do:
#   docker build --build-arg BASE=my/debian-with-python3 -t chiasm .
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /build
COPY requirements/base.txt requirements/base.txt
RUN python3 -m venv /opt/chiasm \
 && /opt/chiasm/bin/pip install --no-cache-dir -r requirements/base.txt
COPY . .
RUN /opt/chiasm/bin/pip install --no-cache-dir --no-deps . \
 && rm -rf /opt/chiasm/lib/python3*/site-packages/pip* \
           /opt/chiasm/lib/python3*/site-packages/onnx/backend/test

FROM ${BASE}
COPY --from=build /opt/chiasm /opt/chiasm
ENV PATH=/opt/chiasm/bin:$PATH CHIASM_HOST=0.0.0.0 PYTHONDONTWRITEBYTECODE=1
# Numeric, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD \
    ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('CHIASM_PORT', '8000') + '/readyz', timeout=2)"]
ENTRYPOINT ["chiasm"]
CMD ["serve"]
