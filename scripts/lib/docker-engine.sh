# shellcheck shell=bash
# Sourced: a Docker engine of our own, for building walguard's image and trying it.

# Layers are kept for the next build; one engine at a time can use them.
engine_cache=${XDG_CACHE_HOME:-$HOME/.cache}/walguard/docker
engine_pid=
engine_folder=

# Starts dockerd and sets DOCKER_HOST, or returns 1 and prints the end of its log. It must not touch the machine's
# network: by default a first start of dockerd changes the FORWARD policy and bridge settings for everybody. Its mounts
# end with it. Waits while somebody else uses the engine.
start_engine() {
  mkdir -p "$engine_cache"
  exec 8>"$engine_cache.lock"
  flock 8
  engine_folder=$(mktemp -d)
  export DOCKER_HOST=unix://$engine_folder/docker.sock
  unshare --mount dockerd --host "$DOCKER_HOST" --data-root "$engine_cache" --exec-root "$engine_folder/exec" \
    --pidfile "$engine_folder/docker.pid" --iptables=false --ip6tables=false --ip-forward=false --bridge=none \
    --storage-driver overlay2 >"$engine_folder/dockerd.log" 2>&1 8>&- &
  engine_pid=$!
  local deadline=$((SECONDS + 60))
  until docker info >/dev/null 2>&1; do
    if ! kill -0 "$engine_pid" 2>/dev/null || ((SECONDS > deadline)); then
      tail -20 "$engine_folder/dockerd.log" >&2
      return 1
    fi
    sleep 0.1
  done
  docker container prune --force >/dev/null # what a run that was killed has left
}

stop_engine() {
  if [[ -n $engine_pid ]]; then
    kill "$engine_pid" 2>/dev/null || true
    wait "$engine_pid" 2>/dev/null || true
    engine_pid=
    exec 8>&-
  fi
  [[ -z $engine_folder ]] || rm -rf "$engine_folder" || true
}

# Builds the Dockerfile of SOURCE_DIR on a base made by debootstrap: no registry is asked.
build_image() { # SOURCE_DIR TAG
  local root base
  root=$("$1/scripts/debian-root" bookworm)
  # The base is imported once: layers above it are found again by the name of what is below them.
  base=walguard-base:$(stat -c %Y "$root")
  docker image inspect "$base" >/dev/null 2>&1 || tar -C "$root" -c . | docker import - "$base" >/dev/null
  # The classic builder: the newer one is a download on some machines. The network of the host, since this engine has
  # no bridge of its own; apt needs it.
  DOCKER_BUILDKIT=0 docker build --network=host --build-arg "BASE=$base" --tag "$2" "$1" || return
  docker image prune --all --force --filter until=720h >/dev/null # layers of earlier builds, earlier bases
}
