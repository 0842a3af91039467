# Two stages: the build, and a slim image that holds one binary and runs as nobody in particular.

FROM rust:1.95-slim-bookworm AS build
# The bundled SQLite is built from C.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
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
    cargo build --release --locked --no-default-features --features otlp,s3 --bin eyrie \
    && cp target/release/eyrie /eyrie \
    && /eyrie man --out /packed/share/man/man1 \
    && mkdir -p /packed/share/bash-completion/completions /packed/share/zsh/site-functions /packed/share/fish/vendor_completions.d \
    && /eyrie completions bash > /packed/share/bash-completion/completions/eyrie \
    && /eyrie completions zsh > /packed/share/zsh/site-functions/_eyrie \
    && /eyrie completions fish > /packed/share/fish/vendor_completions.d/eyrie.fish

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin eyrie \
    && install -d -o eyrie -g eyrie /data
COPY --from=build /eyrie /usr/local/bin/eyrie
COPY --from=build /packed/share /usr/local/share
COPY LICENSE NOTICE /usr/share/doc/eyrie/
USER eyrie
# It does not start without a key (EYRIE_ADMIN_KEY_FILE, `eyrie keys add`) or EYRIE_SERVER__ALLOW_ANONYMOUS.
ENV EYRIE_BIND=0.0.0.0:8080 EYRIE_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["eyrie", "health"]
ENTRYPOINT ["eyrie"]
CMD ["serve"]
