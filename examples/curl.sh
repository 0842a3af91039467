#!/usr/bin/env bash
# Each task in one command, with two pictures of yours:
#
#   examples/curl.sh cat.jpg boat.jpg
#
# EYRIE_URL names the service, EYRIE_COLLECTION the collection to make, which is deleted at the end.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cat=$1 boat=$2
url=${EYRIE_URL:-http://127.0.0.1:8080}
collection=${EYRIE_COLLECTION:-curl-example}
images=$url/v1/collections/$collection/images
search=$url/v1/collections/$collection/search

# --fail-with-body: a failure ends the script, and its problem document says why.
run() {
    printf '\n# %s\n' "$1"
    shift
    printf '+ curl'
    printf ' %q' "$@"
    printf '\n'
    curl --silent --show-error --fail-with-body "$@"
    echo
}

run "Create a collection with the quickest way to describe pictures; rnip, which is the default, finds more" \
    -X PUT "$url/v1/collections/$collection" --json '{"profile": "fast", "description": "An example"}'
run "Add a picture with metadata, under an id of yours" \
    -F "image=@$cat" -F id=cat -F 'metadata={"title": "A cat", "year": 2024}' "$images"
run "Store a picture under an id, over an older one" \
    -X PUT -F "image=@$boat" -F 'metadata={"title": "A boat", "year": 1979}' "$images/boat"
run "Search by a picture" \
    -F "image=@$cat" -F k=5 "$search"
run "Search by the right half of a picture" \
    -F "image=@$cat" -F region=0.5,0,0.5,1 "$search"
run "Search by a picture that is stored" \
    "$images/cat/similar?k=5"
run "Search among pictures with certain metadata" \
    -F "image=@$cat" -F 'filter={"field": "year", "lt": 2000}' "$search"
run "Search with the picture in JSON" \
    --json @- "$search" <<<"{\"image\": \"$(base64 <"$cat" | tr -d '\n')\", \"k\": 1}"
run "Read a record" \
    "$images/cat"
run "Fetch a small picture" \
    --output /dev/null --write-out '%{content_type}, %{size_download} bytes' "$images/cat/thumbnail"
run "List the pictures" \
    --get --data limit=10 "$images"
run "Change metadata; null takes a member away" \
    -X PATCH --json '{"metadata": {"tag": "pet", "year": null}}' "$images/cat"
run "Compare two pictures" \
    -F "a=@$cat" -F "b=@$boat" "$url/v1/compare"
run "Delete a picture" \
    -X DELETE "$images/boat"
run "Delete the collection with all its pictures" \
    -X DELETE "$url/v1/collections/$collection"
