# shellcheck shell=bash
# Sourced by scripts/cluster: nodes. A node has its own network, mounts, processes and disk ($home/nodes/NAME), and a real
# kubelet, containerd and kube-proxy at the paths they have on any node.

nodes() { [[ ! -d $home/nodes ]] || ls "$home/nodes"; }
node_address() { echo "10.240.0.$((10 + ${1#node}))"; }
node_pods() { echo "10.241.${1#node}.0/24"; }
node_cgroup() { echo "walguard-$1"; }
ctr_of() { inside "$1" ctr --namespace k8s.io "${@:2}"; }

# Makes a node and starts all that does not need the API server. Also gives one power again that had it cut.
make_node() { # NAME
  local node=$1 disk=$home/nodes/$1 entry
  mkdir -p "$disk"/{kubelet,containerd,cni,local,log,sbin,sbin-work,sysctl}
  # Folders of these names must be there to mount upon; they stay empty.
  mkdir -p /var/lib/kubelet /var/lib/containerd /var/lib/cni
  fill pods.conflist "PODS=$(node_pods "$node")" >"$disk/cni/pods.conflist"
  fill containerd.toml "HOME=$disk" >"$disk/containerd.toml"
  fill mount.nfs "STORES=$stores" >"$disk/sbin/mount.nfs"
  chmod 755 "$disk/sbin/mount.nfs"

  # Mounts made in a node stay in it, and reach its own containers.
  entry_of cluster
  setsid "${entry[@]}" unshare --net --mount --uts --ipc --pid --fork --mount-proc --propagation private \
    "$scripts/lib/cluster-node-init" "$node" "$disk" "$programs/pause" walguard-cluster "$home" "$node" \
    </dev/null >>"$logs/$node.log" 2>&1 9>&- &
  wait_for 10 runs "$node"
  connect_node "$node"
  make_cgroups "$node"
  start_daemon "$node" containerd containerd --config "$disk/containerd.toml"
}

connect_node() { # NAME
  local node=$1 address process
  address=$(node_address "$node")
  process=$(first_process "$node")
  # The process is named by its number on the machine, so the link is made from here.
  ip link add "wg-$node" type veth peer name eth0 netns "$process"
  ip link set "wg-$node" netns "$(first_process cluster)"
  inside cluster sh -euc "
    ip link set wg-$node master nodes up
    ip route replace $(node_pods "$node") via $address"
  # Other nodes' pods are reached by way of the bridge's own host, which knows the way to each.
  inside "$node" sh -euc "
    ip link set lo up
    ip address add $address/24 dev eth0
    ip link set eth0 up
    ip route add default via $gateway
    echo 1 >/proc/sys/net/ipv4/ip_forward"
}

# Below the root, where the kubelet wants to find it. With version 1 there is one tree for each controller, and a new
# cpuset has no processors until it is told.
make_cgroups() { # NODE
  local group tree
  group=$(node_cgroup "$1")
  if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
    sed 's/^\| / +/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
    mkdir -p "/sys/fs/cgroup/$group"
    return
  fi
  for tree in /sys/fs/cgroup/*/; do
    [[ $tree == */unified/ ]] || mkdir -p "$tree$group"
  done
  cat /sys/fs/cgroup/cpuset/cpuset.cpus >"/sys/fs/cgroup/cpuset/$group/cpuset.cpus"
  cat /sys/fs/cgroup/cpuset/cpuset.mems >"/sys/fs/cgroup/cpuset/$group/cpuset.mems"
}

remove_cgroups() {
  local group
  for group in /sys/fs/cgroup/walguard-node[1-9] /sys/fs/cgroup/*/walguard-node[1-9]; do
    [[ ! -d $group ]] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

start_kubelet() { # NODE
  local node=$1 disk=$home/nodes/$1 address
  address=$(node_address "$node")
  if [[ ! -f $pki/$node.crt ]]; then
    make_certificate "$node" "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$address"
    make_kubeconfig "$disk/kubeconfig" "$node"
    echo "nameserver $gateway" >"$disk/resolv.conf"
    fill kubelet.yaml "PKI=$pki" "NODE=$node" "HOME=$disk" "DNS=$dns" "CGROUP=$(node_cgroup "$node")" >"$disk/kubelet.yaml"
  fi
  wait_for 60 ctr_of "$node" version
  load_cluster_images "$node"
  start_daemon "$node" kubelet kubelet --config "$disk/kubelet.yaml" --kubeconfig "$disk/kubeconfig" \
    --hostname-override "$node" --node-ip "$address"
  # Nothing about connection tracking is changed: it belongs to the machine.
  start_daemon "$node" kube-proxy kube-proxy --kubeconfig "$kubeconfig" --hostname-override "$node" \
    --proxy-mode iptables --cluster-cidr "$pods" --conntrack-max-per-core 0 \
    --conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s
}
