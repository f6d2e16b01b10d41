# The service and its networks, for NVIDIA GPUs. Any Debian or Ubuntu with CUDA 13, cuDNN 9 and
# Python 3.11 or newer among its packages will do:
#   docker build -f docker/cuda.Dockerfile -t chiasm-gpu .
# What differs from the Dockerfile: Python comes by apt, and onnxruntime-gpu in onnxruntime's place.
ARG BASE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04

FROM ${BASE} AS python
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/*

FROM python AS libraries
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/chiasm
COPY requirements/base.txt requirements/gpu.txt requirements/image.txt docker/slim.py /build/
RUN sed -i '/^onnxruntime==/d' /build/base.txt \
 && /opt/pip/bin/pip --python /opt/chiasm/bin/python install --no-cache-dir \
      -r /build/image.txt -r /build/gpu.txt \
 && python3 /build/slim.py /opt/chiasm

FROM libraries AS service
COPY . /build
RUN /opt/pip/bin/pip --python /opt/chiasm/bin/python install --no-cache-dir --no-deps \
      --root /service --prefix /opt/chiasm /build \
 && install -D -m 0644 /build/docker/healthcheck.py /service/opt/chiasm/healthcheck.py \
 && mkdir /data

FROM python
COPY --from=libraries /opt/chiasm /opt/chiasm
COPY --from=service /service /
COPY --from=service --chown=10001:10001 /data /data
# A missing GPU is an error: no silent fallback to the CPU.
ENV PATH=/opt/chiasm/bin:$PATH CHIASM_HOST=0.0.0.0 CHIASM_DATA_DIR=/data CHIASM_DEVICE=cuda \
    PYTHONDONTWRITEBYTECODE=1 NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Chiasm" \
      org.opencontainers.image.description="Pretrained vision networks behind plain REST endpoints" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
VOLUME /data
EXPOSE 8000
# TensorRT and CUDA take their time for the first start.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
    CMD ["python3", "-IS", "/opt/chiasm/healthcheck.py"]
ENTRYPOINT ["dumb-init", "--single-child", "--", "chiasm"]
CMD ["serve"]
