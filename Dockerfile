# lulcseg with what it needs:
# docker build -t lulcseg .
# docker run --rm --gpus all --shm-size 8g -v "$PWD:/work" lulcseg train scene=my_scene.yaml
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir build && python -m build --wheel --outdir /dist

FROM python:3.12-slim
COPY --from=build /dist /dist
RUN pip install --no-cache-dir /dist/*.whl && rm -r /dist && useradd --create-home lulcseg
USER lulcseg
WORKDIR /work
ENTRYPOINT ["lulcseg"]
CMD []
