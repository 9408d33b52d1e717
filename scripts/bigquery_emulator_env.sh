#!/bin/sh
# Makes the BigQuery emulator's own Python 3.13 environment and prints its folder; what is there is reused.
# Touch this to move to another emulator: every version is pinned, because duckdb 2.0 would download its extensions.
# Exit code 3: there is no python3.13 on this machine.
set -eu

folder=${1:-${GAELP_BIGQUERY_EMULATOR_ENV:-.gaelp-cache/bigquery-emulator}}
mark="$folder/ready-0.3.2"
if [ -f "$mark" ]; then
    cd "$folder" && pwd
    exit 0
fi

python=
for candidate in "$(command -v python3.13 || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python3.13; do
    # A pyenv shim is on the PATH even where its version is not chosen, and then fails.
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "no python3.13 on this machine" >&2
    exit 3
fi

# Made aside and renamed: an interrupted installation is never mistaken for a whole one.
mkdir -p "$(dirname "$folder")"
printf '*\n' > "$(dirname "$folder")/.gitignore"
draft="$folder.$$"
trap 'rm -rf "$draft"' EXIT
rm -rf "$folder"
"$python" -m venv "$draft"
"$draft/bin/python" -m pip install --quiet --disable-pip-version-check local-bigquery==0.3.2 duckdb==1.5.5 \
    duckdb-extension-icu==1.5.5 duckdb-extension-ducklake==1.5.5 duckdb-extension-spatial==1.5.5 pytz >&2
HOME=$(cd "$draft" && pwd) "$draft/bin/python" - >&2 <<'PYTHON'
import pathlib

import duckdb

packages = pathlib.Path(duckdb.__file__).parents[1]
for name in ("icu", "ducklake", "spatial"):
    file = packages / f"duckdb_extension_{name}" / "extensions" / "v1.5.5" / f"{name}.duckdb_extension"
    duckdb.connect().execute(f"INSTALL '{file}'")
PYTHON
touch "$draft/ready-0.3.2"
mv "$draft" "$folder"
cd "$folder" && pwd
