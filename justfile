# Short names for common work; each is one command, so nobody needs `just`.

# Run the service from the source tree.
serve *ARGS:
    cargo run --release -- serve {{ARGS}}

# Every check and test, as in continuous integration.
test *ARGS:
    ./scripts/test {{ARGS}}

# Rewrite openapi.yaml from the code.
openapi:
    UPDATE_OPENAPI=1 cargo test --test integration the_document_in

# Benchmarks of this machine.
bench *ARGS:
    cargo bench {{ARGS}}

# Rebuild the 2-bit model from the float weights; IMAGES is a folder of about 2,000 photographs.
model IMAGES:
    ./training/fetch_vgg16 --output vgg16.safetensors
    cargo run --release -- quantize --weights vgg16.safetensors --images {{IMAGES}} --out models/vgg16-2bit.eyrie
