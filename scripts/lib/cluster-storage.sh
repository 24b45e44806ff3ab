# shellcheck shell=bash
# Sourced by scripts/cluster: storage for tests, seen by the nodes the way real storage is.

powered_nodes() {
  local node
  for node in $(nodes); do
    if runs "$node"; then echo "$node"; fi
  done
}

plain_name() { [[ ${1:-} =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]] || fail "not a name: ${1:-(none given)}"; }

# One folder of the machine, in each node through a FUSE daemon and so a page cache of the node's own.
share() { # NAME
  local name=${1:-} node
  plain_name "$name"
  mkdir -p "$stores/$name"
  chmod 777 "$stores/$name"
  for node in $(powered_nodes); do
    # shellcheck disable=SC2016  # meant for the inner shell
    inside "$node" sh -euc '
      mkdir -p "$1"
      mountpoint -q "$1" || bindfs -o allow_other "$0" "$1"' "$stores/$name" "/mnt/shared/$name" 9>&-
  done
}

driver() { # DRIVER local|network|stop [--backing DIR] [--attach-required]
  local name=${1:-} kind=${2:-} backing='' attach=() node
  plain_name "$name"
  shift 2 || fail "driver: local, network or stop?"
  while (($#)); do
    case $1 in
      --backing) backing=${2:?driver: --backing needs a folder}; shift ;;
      --attach-required) attach=(--attach-required) ;;
      *) fail "driver: unknown argument: $1" ;;
    esac
    shift
  done
  case $kind in
    stop)
      for node in $(powered_nodes); do stop_driver "$node" "$name"; done
      kubectl delete csidriver "$name" --ignore-not-found >/dev/null
      return
      ;;
    local) backing=${backing:-/mnt/$name} ;;
    network)
      if [[ -z $backing ]]; then
        share "$name"
        backing=/mnt/shared/$name
      fi
      ;;
    *) fail "driver: local, network or stop, not $kind" ;;
  esac
  for node in $(powered_nodes); do
    stop_driver "$node" "$name"
    inside "$node" mkdir -p "$backing"
    start_daemon "$node" "driver-$name" test-csi --driver "$name" --kind "$kind" --node "$node" --backing "$backing" \
      --kubeconfig "$kubeconfig" ${attach[@]+"${attach[@]}"}
  done
  for node in $(powered_nodes); do wait_for 60 driver_registered "$node" "$name"; done
}

driver_registered() { # NODE DRIVER
  kubectl get csinode "$1" -o jsonpath='{.spec.drivers[*].name}' | tr ' ' '\n' | grep -qxF "$2"
}

# SIGTERM: its sockets go away with it, which tells the kubelet.
stop_driver() { # NODE DRIVER
  local file=$logs/$1.driver-$2.pid
  [[ -f $file ]] || return 0
  # shellcheck disable=SC2016  # meant for the inner shell
  inside "$1" sh -c 'kill "$0" && while kill -0 "$0"; do sleep 0.05; done' "$(<"$file")" 2>/dev/null || true
  rm -f "$file"
}
