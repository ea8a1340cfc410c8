#!/usr/bin/env bash
# Make a one-node SLURM with Apptainer and an ordinary user, build the image, and run the tests beside
# this file as that user: as root, on Debian 12 or later. `make test-cluster` calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PERSON=cogloat
HOUSE=/home/$PERSON
PROJECT=$HOUSE/project
export COGLOAT_REFERENCE=$HOUSE/reference

step() { printf '\n--- %s (%d s)\n' "$1" $SECONDS; }
as_person() { runuser -u $PERSON -- env -C $PROJECT HOME=$HOUSE "$@"; }

step "SLURM and Apptainer"
bash tests/cluster/install.sh
id $PERSON >/dev/null 2>&1 || useradd --create-home --shell /bin/bash $PERSON

step "a clone of the project, and the environment of a submit host: no torch"
rm -rf $PROJECT
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' # whoever owns this folder
git clone --quiet --no-hardlinks . $PROJECT
git ls-files -z --modified --others --exclude-standard | tar --create --null --ignore-failed-read -T - | tar -x -C $PROJECT
chown -R $PERSON: $PROJECT
as_person make env TORCH=none

step "the same table without SLURM and without the image, to compare with"
rm -rf $COGLOAT_REFERENCE
PYTHONPATH=src:tests .venv/bin/python tests/cluster/scene.py $COGLOAT_REFERENCE >/tmp/reference.log 2>&1 &
reference=$!

step "the image"
. /etc/os-release
# packages come from this machine's pip where its Python is the image's: then versions are the same
image_python=$(apt-cache show --no-all-versions python3 | awk '/^Version/ {print $2}' | cut -d. -f1,2)
wheels=
if .venv/bin/python -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$image_python')"; then
    wheels=$HOUSE/wheels
    make wheels WHEELS=$wheels >/dev/null
    chown -R $PERSON: $wheels
fi
as_person make container SUITE="$VERSION_CODENAME" MIRROR=http://deb.debian.org/debian WHEELS=$wheels
wait $reference || { cat /tmp/reference.log; exit 1; }
chown -R $PERSON: $COGLOAT_REFERENCE

step "the tests"
# two at a time, as each waits for SLURM more than it computes; the longest first
as_person .venv/bin/pytest -n 2 --dist worksteal --durations 8 tests/cluster/test_run.py tests/cluster/test_mistakes.py
step "done"
