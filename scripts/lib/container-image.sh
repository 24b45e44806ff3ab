# shellcheck shell=bash
# Sourced by scripts/cluster: container images made of files, without an engine and without a registry.

# Packs a root filesystem as an image in docker save format, one layer.
image_of_folder() { # FOLDER TAG OUT.tar CONFIG (JSON: Entrypoint, User, ...)
  local work layer config_sum
  work=$(mktemp -d)
  tar --create --file "$work/layer.tar" --directory "$1" --owner 0 --group 0 --numeric-owner --sort name .
  layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "$4" "$layer" >"$work/config.json"
  config_sum=$(sha256sum "$work/config.json" | cut -d' ' -f1)
  mv "$work/config.json" "$work/$config_sum.json"
  printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$config_sum" "$2" >"$work/manifest.json"
  tar --create --file "$3" --directory "$work" "$config_sum.json" manifest.json layer.tar
  rm -rf "$work"
}

# What every cluster has: the program that holds a pod's namespaces, and walguard.test/tools, a shell and curl for
# test pods.
make_cluster_images() {
  local root=$home/image-root
  mkdir -p "$root" "$home/images"
  cp -L "$programs/pause" "$root/pause"
  image_of_folder "$root" walguard.test/pause:1 "$home/images/pause.tar" '{"Entrypoint":["/pause"]}'
  rm -rf "$root"
  mkdir -p "$root/bin"
  "$scripts/image-root" "$root" "$(command -v busybox)" "$(command -v curl)"
  chroot "$root" /usr/bin/busybox --install -s /bin
  image_of_folder "$root" walguard.test/tools:1 "$home/images/tools.tar" '{"Cmd":["/bin/sh"],"Env":["PATH=/bin:/usr/bin"]}'
  rm -rf "$root"
}

load_cluster_images() { # NODE
  local file
  for file in "$home"/images/*.tar; do ctr_of "$1" images import "$file" >/dev/null; done
}

# The same root filesystem as the Dockerfile makes, of programs that are compiled already.
image_of_built_programs() { # BUILD_DIR TAG OUT.tar
  local root program found=()
  for program in walguard walguard-preflight; do
    found+=("$(find "$1" -type f -executable -name "$program" -print -quit)")
    [[ -n ${found[-1]} ]] || fail "image: there is no $program in $1"
  done
  root=$(mktemp -d)
  "$scripts/image-root" "$root" "${found[@]}"
  chmod 755 "$root"
  image_of_folder "$root" "$2" "$3" '{"Entrypoint":["/usr/bin/walguard"],"Cmd":["serve"],"User":"65532:65532",
    "Env":["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"]}'
  rm -rf "$root"
}
