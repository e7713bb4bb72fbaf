#!/usr/bin/env bash
# Makes seeds for the reader of those cases of fixtures that are folders: one file each, as `Texts::split` takes
# them apart. Cases that are one file are seeds as they are.
set -euo pipefail
cd "$(dirname "$0")/.."

for main in fixtures/*/compose.yaml fixtures/broken/*/compose.yaml; do
    case=$(dirname "$main")
    name=${case#fixtures/}
    {
        cat "$main"
        find "$case" -type f ! -path "$main" ! -name request.json | LC_ALL=C sort | while read -r file; do
            printf '\n=== %s\n' "${file#"$case"/}"
            cat "$file"
        done
    } > "fuzz/seeds/reader/${name//\//-}"
done
