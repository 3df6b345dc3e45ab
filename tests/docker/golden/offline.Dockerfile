# Written by flavorkit. The files it copies are beside it.

FROM python:3.11-slim AS dependencies
COPY ["wheels/", "/build/wheels/"]
COPY ["install.py", "requirements.txt", "constraints.txt", "flavorkit.txt", "/build/"]
RUN ["python3", "/build/install.py", "/opt/venv", "--", "python3", "-m", "pip", "install", "--no-cache-dir", "--root-user-action=ignore", "--find-links", "/build/wheels", "--no-index", "--target", "/opt/uv", "uv==0.13.9", "--", "/opt/uv/bin/uv", "venv", "--no-project", "--python", "3.11", "--no-python-downloads", "/opt/venv", "--", "/opt/uv/bin/uv", "pip", "install", "--python", "/opt/venv/bin/python", "--no-cache", "--find-links", "/build/wheels", "--no-index", "-r", "/build/requirements.txt", "-r", "/build/flavorkit.txt", "-c", "/build/constraints.txt"]

FROM dependencies AS flavorkit
COPY ["flavorkit-1.0-py3-none-any.whl", "/build/"]
RUN ["/opt/uv/bin/uv", "pip", "install", "--python", "/opt/venv/bin/python", "--no-cache", "--offline", "--no-deps", "--compile-bytecode", "--target", "/opt/flavorkit", "/build/flavorkit-1.0-py3-none-any.whl"]

FROM python:3.11-slim
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
ENV FLAVORKIT_PORT="8080"
RUN ["/opt/venv/bin/python", "-m", "flavorkit.docker.seal", "sha256:5555555555555555555555555555555555555555555555555555555555555555"]
LABEL io.flavorkit.version="1.0"
USER 65532:65532
