# Sourced by scripts/test: a real Kubernetes of one node for the tests, built once into the user's cache.

KUBERNETES_DIR=""

# Without a cluster: in CI that is the end, elsewhere the tests say that they skip.
kubernetes_missing() {
  say "no Kubernetes: $1"
  if is_ci; then exit 2; fi
  export TLS_VERIFY_SKIP_KUBERNETES=1
}

kubernetes_start() {
  local cache="${XDG_CACHE_HOME:-$HOME/.cache}/tls-verify/kubernetes-1.34.4" tool
  if [ "$(id -u)" != 0 ]; then kubernetes_missing "only root can start one"; return 0; fi
  for tool in go etcd containerd runc socat conntrack iptables unshare jq; do
    if ! have "$tool"; then kubernetes_missing "no $tool"; return 0; fi
  done
  if [ ! -d /usr/lib/cni ]; then kubernetes_missing "no CNI plugins in /usr/lib/cni"; return 0; fi
  if [ ! -x "$cache/coredns" ]; then say "building Kubernetes 1.34.4 into $cache (about ten minutes of one core, once)"; fi
  limited 3600 fixtures/kubernetes/build "$cache" >&2 || { kubernetes_missing "its programs could not be built"; return 0; }
  KUBERNETES_DIR=$(mktemp -d /tmp/tls-verify-kubernetes.XXXXXX)
  say "starting Kubernetes in $KUBERNETES_DIR"
  fixtures/kubernetes/cluster start "$cache" "$KUBERNETES_DIR" "${TLS_VERIFY_KUBERNETES_PORT:-16443}" ||
    { kubernetes_stop; kubernetes_missing "it did not come up"; return 0; }
  fixtures/kubernetes/images "$KUBERNETES_DIR/images" stack
  fixtures/kubernetes/cluster import "$KUBERNETES_DIR" "$KUBERNETES_DIR"/images/{nats,redis,dashboard,standin}.tar
  export TLS_VERIFY_KUBECONFIG="$KUBERNETES_DIR/kubeconfig" TLS_VERIFY_KUBECTL="$cache/kubectl"
}

kubernetes_stop() {
  [ -n "$KUBERNETES_DIR" ] || return 0
  if [ "${TLS_VERIFY_KEEP:-}" = 1 ]; then say "cluster kept: export TLS_VERIFY_KUBECONFIG=$KUBERNETES_DIR/kubeconfig"; return 0; fi
  fixtures/kubernetes/cluster stop "$KUBERNETES_DIR"
  KUBERNETES_DIR=""
}
