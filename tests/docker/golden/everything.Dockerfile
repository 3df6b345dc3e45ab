# Written by flavorkit. The files it copies are beside it.

FROM --platform=linux/arm64 python:3.11-slim AS dependencies
COPY ["wheels/", "/build/wheels/"]
ENV UV_PYTHON_INSTALL_DIR="/opt/python"
COPY ["install.py", "requirements.txt", "constraints.txt", "flavorkit.txt", "pins.txt", "/build/"]
RUN --mount=type=secret,id=netrc,target=/root/.netrc ["python3", "/build/install.py", "/opt/venv", "--", "python3", "-m", "pip", "install", "--no-cache-dir", "--root-user-action=ignore", "--index-url", "https://pypi.example.com/simple", "--find-links", "/build/wheels", "--target", "/opt/uv", "uv==0.13.9", "--", "/opt/uv/bin/uv", "venv", "--no-project", "--python", "3.11", "--managed-python", "/opt/venv", "--", "/opt/uv/bin/uv", "pip", "install", "--python", "/opt/venv/bin/python", "--no-cache", "--default-index", "https://pypi.example.com/simple", "--index", "https://more.example.com/simple", "--find-links", "/build/wheels", "--torch-backend", "cu128", "--require-hashes", "-r", "/build/requirements.txt", "-c", "/build/constraints.txt", "--", "/opt/uv/bin/uv", "pip", "install", "--python", "/opt/venv/bin/python", "--no-cache", "--default-index", "https://pypi.example.com/simple", "--index", "https://more.example.com/simple", "--find-links", "/build/wheels", "--torch-backend", "cu128", "-r", "/build/flavorkit.txt", "-c", "/build/constraints.txt", "-c", "/build/pins.txt"]

FROM dependencies AS flavorkit
COPY ["flavorkit-1.0-py3-none-any.whl", "/build/"]
RUN ["/opt/uv/bin/uv", "pip", "install", "--python", "/opt/venv/bin/python", "--no-cache", "--offline", "--no-deps", "--compile-bytecode", "--target", "/opt/flavorkit", "/build/flavorkit-1.0-py3-none-any.whl"]

FROM --platform=linux/arm64 nvidia/cuda:12.8.1-base-ubuntu24.04
RUN ["/bin/sh", "-c", "mkdir -p /usr/share/man/man1; set -e; apt-get update; apt-get install --yes --no-install-recommends -- \"$@\"; rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log", "apt", "default-jre-headless", "libgomp1"]
COPY --from=dependencies ["/opt/python", "/opt/python"]
COPY --from=dependencies ["/opt/venv", "/opt/venv"]
COPY --from=flavorkit ["/opt/flavorkit/", "/opt/venv/lib/python3.11/site-packages/"]
ENV PATH=/opt/venv/bin:$PATH
EXPOSE 8080
WORKDIR /dev/shm
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=120s --retries=3 CMD ["/opt/venv/bin/python", "-m", "flavorkit.docker.health"]
ENTRYPOINT ["/opt/venv/bin/python", "-m", "flavorkit"]
CMD ["serve"]
ADD ["model.tar", "/"]
ENV GREETING="say \"hi\" to \$USER \\ all"
RUN ["/opt/venv/bin/python", "-m", "flavorkit.docker.seal", "sha256:5555555555555555555555555555555555555555555555555555555555555555"]
LABEL com.example.formula="\${a} \\n `b`" \
    com.example.team="search"
USER 65532:65532
