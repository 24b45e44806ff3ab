# walguard's image: two programs, the libraries they ask for, CA certificates, and nothing else.
#
# BASE is where it is built, any Debian 12 or 13. Without a registry: scripts/debian-root bookworm makes one.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
# The packages on their own, so that a change of the sources does not install them again.
COPY scripts/install-deps /src/scripts/install-deps
RUN /src/scripts/install-deps build
COPY . /src
WORKDIR /src
RUN cmake --preset release -DWALGUARD_BENCHMARKS=OFF \
    && cmake --build --preset release --target walguard walguard-preflight \
    && cmake --install build/release --prefix /built \
    && scripts/image-root /image /built/bin/walguard /built/bin/walguard-preflight \
    && mkdir /data

FROM scratch
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="walguard" \
      org.opencontainers.image.description="Proves whether SQLite in WAL mode is safe on a volume, and keeps it off the ones where it is not" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
# Where verdicts are kept; a volume that is mounted there takes over its owner.
COPY --from=build --chown=65532:65532 /data /var/lib/walguard
# OpenSSL's own default is a path of the build stage.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/usr/bin/walguard"]
CMD ["serve"]
