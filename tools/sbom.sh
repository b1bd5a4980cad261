#!/usr/bin/env bash
# Write a software bill of materials (CycloneDX 1.6, JSON) for each image from its
# lock: names, versions and hashes.
#
# usage: tools/sbom.sh [FOLDER]
set -euo pipefail

cd "$(dirname "$0")/.."

folder=${1:-sbom}
mkdir -p "$folder"
for image in server slim gpu; do
    .venv-audit/bin/cyclonedx-py requirements --output-reproducible \
        --output-file "$folder/$image.cdx.json" "requirements/$image.lock"
    echo "$folder/$image.cdx.json"
done
