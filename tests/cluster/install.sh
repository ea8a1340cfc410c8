#!/usr/bin/env bash
# Bring up a one-node SLURM with two pretend GPUs, and Apptainer, on Debian 12 or later; as root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export DEBIAN_FRONTEND=noninteractive
GLIBC=/usr/lib/apptainer-glibc

main() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "error: a test cluster needs Debian and root. Run it in a fresh virtual machine." >&2
        exit 2
    fi
    apt-get update --quiet=2
    apt-get install --quiet=2 --yes --no-install-recommends slurm-wlm munge debootstrap fakeroot \
        fuse2fs fuse-overlayfs git make patchelf python3-venv squashfs-tools squashfuse uidmap \
        >/dev/null
    chmod a+rw /dev/fuse
    runuser -u nobody -- unshare --user --map-root-user true
    command -v apptainer >/dev/null || install_apptainer
    apptainer --version
    start_slurm
    sinfo --Node --Format=NodeList,Partition,Gres,CPUs,Memory,StateCompact
}

# Debian has Apptainer in its unstable suite only
install_apptainer() {
    local work=$(mktemp --directory)
    local key=/usr/share/keyrings/debian-archive-keyring.gpg
    local options=(-o Dir::Etc::sourcelist="$work/sources" -o Dir::Etc::sourceparts=-
        -o Dir::State::lists="$work/lists" -o APT::Sandbox::User=root)
    mkdir -p "$work/lists/partial" "$work/glibc"
    printf "deb [signed-by=$key] http://deb.debian.org/debian %s main\n" sid trixie >"$work/sources"
    apt-get --quiet=2 "${options[@]}" update
    (cd "$work" && apt-get --quiet=2 "${options[@]}" download apptainer/sid libc6/trixie >/dev/null)
    dpkg --extract "$work"/apptainer_*.deb /
    if ! apptainer --version >/dev/null 2>&1; then
        dpkg --extract "$work"/libc6_*.deb "$work/glibc"
        give_newer_glibc "$work"/glibc/usr/lib/*-linux-gnu
    fi
    rm -rf "$work"
}

# Apptainer's programs, and they alone, get the C library of a later Debian
give_newer_glibc() {
    local libraries program
    libraries=/usr/lib/$(basename "$1")
    mkdir -p $GLIBC
    cp --no-dereference "$1"/*.so* $GLIBC/
    cp --dereference "$libraries/libsqlite3.so.0" $GLIBC/
    cp --dereference "$(ldconfig -p | awk '/libseccomp.so.2 / {print $NF; exit}')" $GLIBC/
    for program in /usr/bin/apptainer "$libraries/apptainer/bin/starter"; do
        # Apptainer sets LD_LIBRARY_PATH for its helpers, which a RUNPATH gives way to
        patchelf --set-interpreter $GLIBC/ld-linux-*.so.? --force-rpath --set-rpath $GLIBC "$program"
    done
}

start_slurm() {
    local memory
    while pkill slurmd || pkill slurmctld; do sleep 0.2; done
    install --directory --owner=munge --group=munge /run/munge
    pgrep munged >/dev/null || runuser -u munge -- munged
    rm -rf /var/lib/slurm-test
    mkdir -p /var/lib/slurm-test/{ctld,d} /etc/slurm
    memory=$(($(awk '/MemTotal/ {print $2}' /proc/meminfo) * 9 / 10240))
    sed -e "s/@HOST@/$(hostname -s)/g" -e "s/@CPUS@/$(nproc --all)/" -e "s/@MEMORY@/$memory/" \
        slurm.conf >/etc/slurm/slurm.conf
    cp gres.conf /etc/slurm/gres.conf
    slurmctld
    slurmd
    for _ in {1..60}; do
        [ "$(sinfo --noheader --partition gpu --format %t)" = idle ] && return
        sleep 1
    done
    echo "error: SLURM did not come up. See /var/log/slurmctld-test.log, slurmd-test.log." >&2
    exit 1
}

main
