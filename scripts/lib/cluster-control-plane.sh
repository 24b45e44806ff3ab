# shellcheck shell=bash
# Sourced by scripts/cluster: its network and the programs of the control plane.

# A network namespace with a bridge, and one link to the machine, so that kubectl and tests reach API server and pods.
start_network() {
  setsid unshare --net --pid --mount --fork --mount-proc --propagation private \
    "$programs/pause" walguard-cluster "$home" cluster </dev/null >"$logs/cluster.log" 2>&1 9>&- &
  wait_for 10 runs cluster
  ip link add "$host_link" type veth peer name host netns "$(first_process cluster)"
  ip address add "$host_address/24" dev "$host_link"
  ip link set "$host_link" up
  inside cluster sh -euc "
    ip link set lo up
    ip link add nodes type bridge
    ip address add $gateway/24 dev nodes
    ip link set nodes up
    ip link set host master nodes up
    echo 1 >/proc/sys/net/ipv4/ip_forward"
  ip route add "$pods" via "$gateway" dev "$host_link"
}

# A key and a certificate for it, signed by the cluster's authority.
make_certificate() { # NAME SUBJECT [ALTERNATIVE_NAMES]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$1.key" -out "$pki/$1.csr" -subj "$2" \
    2>/dev/null
  openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 365 \
    -extfile <(echo "subjectAltName=${3:-DNS:$1}") -out "$pki/$1.crt" 2>/dev/null
}

make_kubeconfig() { # FILE USER
  fill kubeconfig.yaml "API=$api" "PKI=$pki" "USER=$2" >"$1"
  chmod 600 "$1"
}

make_authorities() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/ca.key" -out "$pki/ca.crt" \
    -subj /CN=walguard-test-cluster -days 365 2>/dev/null
  openssl genrsa -out "$pki/service-accounts.key" 2048 2>/dev/null
  make_certificate api-server /CN=kube-apiserver \
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$first_service,IP:$gateway"
  make_certificate admin /O=system:masters/CN=admin
  make_kubeconfig "$kubeconfig" admin
}

start_etcd() {
  # Nothing here has to outlive the machine's power, so nothing waits for its disk.
  start_daemon cluster etcd etcd --data-dir "$home/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
}

start_api_server() {
  # Endpoint routing: webhooks are reached at their pods' addresses; no kube-proxy runs beside the API server.
  start_daemon cluster kube-apiserver kube-apiserver \
    --etcd-servers=http://127.0.0.1:2379 --advertise-address="$gateway" --secure-port=6443 \
    --tls-cert-file="$pki/api-server.crt" --tls-private-key-file="$pki/api-server.key" \
    --client-ca-file="$pki/ca.crt" --authorization-mode=Node,RBAC --allow-privileged \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/service-accounts.key" \
    --service-account-signing-key-file="$pki/service-accounts.key" --service-cluster-ip-range="$services" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --kubelet-preferred-address-types=InternalIP --enable-aggregator-routing
}

start_controllers() {
  # A node that lost its power is noticed in seconds.
  start_daemon cluster kube-controller-manager kube-controller-manager --kubeconfig="$kubeconfig" --leader-elect=false \
    --use-service-account-credentials --service-account-private-key-file="$pki/service-accounts.key" \
    --root-ca-file="$pki/ca.crt" --flex-volume-plugin-dir="$home/volumeplugins" --node-monitor-grace-period=16s --node-monitor-period=2s
  start_daemon cluster kube-scheduler kube-scheduler --kubeconfig="$kubeconfig" --leader-elect=false
}

start_dns() {
  fill Corefile "GATEWAY=$gateway" "KUBECONFIG=$kubeconfig" >"$home/Corefile"
  start_daemon cluster coredns coredns -conf "$home/Corefile"
  fill dns.yaml "GATEWAY=$gateway" "DNS=$dns" | kubectl apply -f - >/dev/null
}
