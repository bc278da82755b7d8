# The lab as an image. Everything it writes lies below /data: weights, data sets, runs, caches.
FROM python:3.11-slim

WORKDIR /lab
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt

RUN useradd --create-home lab && install -d -o lab /data
COPY app.py ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY pages pages
COPY assets assets
COPY cnnlab_core cnnlab_core

USER lab
ENV CNNLAB_WEIGHTS=/data/weights \
    CNNLAB_DATA=/data/sets \
    CNNLAB_RUNS=/data/runs \
    CNNLAB_CACHE=/data/cache \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8501/_stcore/health', timeout=2)"]
CMD ["streamlit", "run", "app.py", "--server.headless=true", "--server.port=8501"]
