#!/usr/bin/env bash
# The main job before your eyes: a real apt repository is published, three nodes find each other by a tracker and fetch it
# from the master and from each other, 2 % of it changes under embargo, only the change travels, and the embargo is lifted
# when the tracker says that all nodes have it. Everything lands in ./demo; the processes end with the script.
set -euo pipefail

bin=${1:?usage: demo.sh DIRECTORY-WITH-THE-PROGRAMS}
# Where the tracker listens: the master has to know before it publishes.
tracker=${TRACKER:-127.0.0.10:6969}
here=$(pwd)/demo
source=$here/archive
store=$here/store
# Running programs by name.
declare -A pids=()

stop() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
}
trap stop EXIT

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Waits for a file that a program writes when it is ready; its end means that the program failed.
await_file() { # file, pid
    until [ -s "$1" ]; do
        kill -0 "$2" 2>/dev/null || { echo "a program ended early; see the logs in $here" >&2; exit 1; }
        sleep 0.1
    done
}

# Real packages from the mirror that this machine uses; without a network, packages made from what is installed.
collect_packages() { # directory
    local names=(bash coreutils dash debianutils diffutils findutils grep gzip hostname login mount passwd perl-base sed
        tar util-linux zlib1g libc6 libssl3 openssl curl libcurl4 rsync libsqlite3-0 libzstd1 tzdata base-files
        ca-certificates dpkg apt libapt-pkg6.0 gpgv procps less file libmagic1 libmagic-mgc xz-utils bzip2 libstdc++6
        libgcc-s1 libtinfo6 ncurses-base ncurses-bin readline-common libreadline8 sqlite3 wget)
    mkdir -p "$1"
    (cd "$1" && apt-get download "${names[@]}" >/dev/null 2>&1) || true
    # Each that cannot be had from the network is packed anew from this machine.
    local name
    for name in "${names[@]}"; do
        compgen -G "$1/${name}_*.deb" >/dev/null && continue
        dpkg-query -W "$name" >/dev/null 2>&1 || continue
        local root
        root=$(mktemp -d)
        mkdir -p "$root/DEBIAN"
        dpkg-query -W -f='Package: ${Package}\nVersion: ${Version}\nArchitecture: ${Architecture}\nMaintainer: demo <demo@localhost>\nDescription: repacked\n' "$name" >"$root/DEBIAN/control"
        dpkg-query -L "$name" | while read -r path; do [ -f "$path" ] && cp --parents "$path" "$root"; done 2>/dev/null || true
        dpkg-deb --build "$root" "$1/${name}_0_local.deb" >/dev/null
        rm -rf "$root"
    done
}

# Puts packages where an archive has them: pool/main/<letter>/<source>/.
fill_pool() { # directory with packages
    local package name
    for package in "$1"/*.deb; do
        name=$(basename "$package")
        name=${name%%_*}
        mkdir -p "$source/pool/main/${name:0:1}/$name"
        cp -n "$package" "$source/pool/main/${name:0:1}/$name/"
    done
}

# Packages and Release of the archive, as apt reads them.
index_archive() {
    (
        cd "$source"
        mkdir -p dists/stable/main/binary-amd64
        # New files, renamed into place: an archive that is published by hard links is never written in place.
        apt-ftparchive packages pool >"$here/Packages"
        mv "$here/Packages" dists/stable/main/binary-amd64/Packages
        gzip -9nkf dists/stable/main/binary-amd64/Packages
        apt-ftparchive -o APT::FTPArchive::Release::Suite=stable release dists/stable >"$here/Release"
        mv "$here/Release" dists/stable/Release
    )
}

# The tracker follows the master's feed, and takes announces and reports.
start_tracker() {
    cat >"$here/tracker.toml" <<END
listen = ["$tracker"]
store = "$here/tracker.sqlite"

[[set]]
name = "demo"
upstream = "http://$http"
key = "$key"
END
    "$bin/swarm-tracker" run --config "$here/tracker.toml" --ready-file "$here/tracker.json" 2>"$here/tracker.log" &
    pids[tracker]=$!
    await_file "$here/tracker.json" "${pids[tracker]}"
}

# Registers a node with the tracker, and writes its configuration with the token.
add_node() { # number, region
    local token
    token=$("$bin/swarm-tracker" node add "node$1" --region "$2" --config "$here/tracker.toml")
    cat >"$here/node$1.toml" <<END
peer-listen = ["127.0.0.$(($1 + 1)):0"]

[report]
tracker = "http://$tracker"
node = "node$1"
token = "$token"

[[set]]
name = "demo"
root = "$here/node$1"
upstream = "http://$http"
key = "$key"
END
}

# A node's daemon, on an address of its own.
start_node() { # number
    "$bin/swarm-node" run --config "$here/node$1.toml" 2>>"$here/node$1.log" &
    pids[node$1]=$!
}

stop_node() { # number
    kill "${pids[node$1]}"
    wait "${pids[node$1]}" || true
    unset "pids[node$1]"
}

# The answer may be "hold", whose exit code is 2.
ask_embargo() { # snapshot
    "$bin/swarm-tracker" embargo demo "$1" --threshold 100% --tracker "http://$tracker" || [ $? = 2 ]
}

# Waits until the tracker has read the feed that lists a snapshot.
await_listing() { # snapshot
    local tries=0
    until "$bin/swarm-tracker" report --json --tracker "http://$tracker" | grep -q "$1"; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || { echo "the tracker did not read the feed; see the logs in $here" >&2; exit 1; }
        sleep 0.1
    done
}

show_nodes() {
    local node
    for node in 1 2 3; do
        printf '\033[2m%s\033[0m\n' "node$node"
        "$bin/swarm-node" status --root "$here/node$node" 2>/dev/null || echo "  (starting)"
    done
    printf '\033[2m%s\033[0m\n' "swarm-tracker report"
    "$bin/swarm-tracker" report --tracker "http://$tracker"
}

# Shows the nodes' bars until each has made the snapshot with this serial current.
await_nodes() { # serial
    local tries=0 node pid done
    until
        done=0
        for node in 1 2 3; do
            "$bin/swarm-node" status --root "$here/node$node" --json 2>/dev/null |
                grep -q "\"current\":{\"serial\":$1," && done=$((done + 1))
        done
        [ "$done" = 3 ]
    do
        tries=$((tries + 1))
        for pid in "${pids[@]}"; do
            kill -0 "$pid" 2>/dev/null || { echo "a program ended early; see the logs in $here" >&2; exit 1; }
        done
        [ "$tries" -lt 200 ] || { echo "the nodes did not get there in time; see the logs in $here" >&2; exit 1; }
        if [ -t 1 ]; then printf '\033[H\033[2J'; show_nodes; elif [ $((tries % 4)) = 1 ]; then show_nodes; fi
        sleep 0.5
    done
    show_nodes
}

title "1. A real archive in $source"
rm -rf "$here"
mkdir -p "$source" "$here/new"
collect_packages "$here/packages"
# Two per cent, by number, come later.
later=$(($(find "$here/packages" -name '*.deb' | wc -l) / 50 + 1))
find "$here/packages" -name '*.deb' -size -500k | sort | head -n "$later" | xargs -r mv -t "$here/new"
fill_pool "$here/packages"
index_archive
echo "$(find "$source" -type f | wc -l) files, $(du -sh "$source" | cut -f1)"

title "2. The master publishes it"
"$bin/swarm-publish" init --set demo --source "$source" --store "$store" --tracker "udp://$tracker/announce"
"$bin/swarm-publish" snapshot --store "$store"
key=$("$bin/swarm-publish" key --store "$store")
"$bin/swarm-publish" serve --store "$store" --listen 127.0.0.1:0 --peer-listen 127.0.0.1:0 --upload-limit 6MB \
    --ready-file "$here/master.json" 2>"$here/master.log" &
pids[master]=$!
await_file "$here/master.json" "${pids[master]}"
http=$(sed -n 's/.*"http":\["\([^"]*\)".*/\1/p' "$here/master.json")
echo "master at http://$http, with an upload limit of 6 MB/s, as a slow line would have"

title "3. A tracker follows it, and knows three nodes"
start_tracker
add_node 1 europe
add_node 2 europe
add_node 3 south-america
"$bin/swarm-tracker" node list --config "$here/tracker.toml"
echo "tracker at http://$tracker: open it in a browser, or run: swarm-tracker report --tracker http://$tracker"

title "4. The nodes fetch it, from the master and from each other"
for node in 1 2 3; do start_node "$node"; done
await_nodes 1

title "5. Two per cent change, under embargo, while node 3 is away"
stop_node 3
fill_pool "$here/new"
index_archive
"$bin/swarm-publish" snapshot --store "$store" --hold
held=$("$bin/swarm-publish" list --store "$store" | awk 'NR == 1 { print $1 }')
await_listing "$held"
ask_embargo "$held"

title "6. Node 3 comes back; the embargo is lifted when all have the snapshot"
start_node 3
"$bin/swarm-publish" lift "$held" --store "$store" --when 100% --tracker "http://$tracker" --deadline 2m
await_nodes 2
ask_embargo "$held"

title "7. What a mirror's users see"
for node in 1 2 3; do
    diff -r "$source" "$here/node$node/current" && echo "node$node: $(readlink "$here/node$node/current") equals the source"
done
cat <<END

Left to look at:
  $source            the archive
  $store             the master's store (swarm-publish list --store $store)
  $here/node1/current    what node 1 shows (swarm-node status --root $here/node1)
  $here/*.log            what the programs said
END
