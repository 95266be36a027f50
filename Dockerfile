# The school chat, as `stonechat serve` runs it. Nothing secret is in the image: see docs/guides/deployment.md.
FROM python:3.11-slim AS build

WORKDIR /build
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY config config
COPY src src
RUN python -m venv /opt/stonechat && /opt/stonechat/bin/pip install --no-cache-dir '.[mail,push,redis,s3,sql]'

FROM python:3.11-slim

# Numbers, because who gives the container a file of secrets must name its owner.
RUN groupadd --gid 10001 stonechat \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/stonechat --create-home --shell /usr/sbin/nologin stonechat
COPY --from=build /opt/stonechat /opt/stonechat
ENV PATH=/opt/stonechat/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STONECHAT_ENV=production
# A volume that is mounted here is the user's then.
RUN install -d -o 10001 -g 10001 /var/lib/stonechat/data/files
USER 10001:10001
WORKDIR /var/lib/stonechat
EXPOSE 3030
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3030/healthz', timeout=4)"]
ENTRYPOINT ["stonechat"]
CMD ["serve"]
