# One image for web, worker and models. CPU by default; for NVIDIA build with --build-arg TORCH_INDEX=https://pypi.org/simple
FROM python:3.12-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN apt-get update && apt-get install -y --no-install-recommends g++ git && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/footnote
ENV PATH=/opt/footnote/bin:$PATH
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app app
COPY ingest ingest
COPY storage storage
RUN pip install --no-cache-dir torch==2.13.0 --index-url ${TORCH_INDEX} \
    && pip install --no-cache-dir -c constraints.txt ".[llama,postgres]"

FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 tesseract-ocr \
       tesseract-ocr-deu tesseract-ocr-fra tesseract-ocr-spa tesseract-ocr-osd && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home footnote && install -d -o footnote /data
COPY --from=build /opt/footnote /opt/footnote
ENV PATH=/opt/footnote/bin:$PATH DATA_DIR=/data HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
USER footnote
WORKDIR /data
VOLUME /data
EXPOSE 8080
# alone, without compose, it starts every part in one container
ENV HOST=0.0.0.0
CMD ["footnote", "serve"]
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s \
    CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=5)"
