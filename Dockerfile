# Three stages: the build, the root of the image, and the image: the program and what it needs of
# Debian, with no shell and nothing else to start in it. It runs as nobody in particular.

# It runs on the machine's own platform and compiles for the image's: amd64 or arm64.
FROM --platform=$BUILDPLATFORM rust:1.95-slim-bookworm AS build
ARG BUILDARCH TARGETARCH
# The bundled SQLite is built from C, and so are build scripts linked.
RUN case "$TARGETARCH" in \
        amd64) machine=x86_64 cross="gcc-x86-64-linux-gnu libc6-dev-amd64-cross" ;; \
        arm64) machine=aarch64 cross="gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;; \
        *) echo "Eyrie is built for amd64 and arm64, not for $TARGETARCH" >&2; exit 1 ;; \
    esac \
    && if [ "$TARGETARCH" = "$BUILDARCH" ]; then cross=; fi \
    && apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev $cross \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add "$machine-unknown-linux-gnu" \
    && echo "$machine-unknown-linux-gnu" >/target
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY crates ./crates
COPY src ./src
COPY benches ./benches
COPY tests/integration/main.rs ./tests/integration/main.rs
COPY config ./config
COPY migrations ./migrations
COPY models ./models
COPY openapi.yaml README.md ./
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --no-default-features --features otlp,s3 --bin eyrie --target "$(cat /target)" \
    && cp "target/$(cat /target)/release/eyrie" /eyrie

FROM debian:bookworm-slim AS root
COPY --from=build /eyrie /image/usr/local/bin/eyrie
WORKDIR /image
# Beside the libraries: names of users, certificates, and what scanners and licences ask for about
# the packages that they are of.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin eyrie \
    && ldd usr/local/bin/eyrie | grep -o '/lib[^ ]*' | xargs cp --dereference --parents --target-directory=. \
    && cp --dereference --parents --target-directory=. \
        /etc/passwd /etc/group /etc/os-release /etc/ssl/certs/ca-certificates.crt \
    && mkdir -p var/lib/dpkg/status.d \
    && for package in ca-certificates libc6 libgcc-s1; do \
        dpkg --status "$package" >"var/lib/dpkg/status.d/$package" \
        && cp --dereference --parents --target-directory=. "/usr/share/doc/$package/copyright" || exit 1; \
    done \
    && install -d -m 1777 tmp \
    && install -d -o eyrie -g eyrie data

FROM scratch
COPY --from=root /image /
COPY LICENSE NOTICE /usr/share/doc/eyrie/
ENV PATH=/usr/local/bin
USER eyrie
# It does not start without a key (EYRIE_ADMIN_KEY_FILE, `eyrie keys add`) or EYRIE_SERVER__ALLOW_ANONYMOUS.
ENV EYRIE_BIND=0.0.0.0:8080 EYRIE_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["eyrie", "health"]
ENTRYPOINT ["eyrie"]
CMD ["serve"]
