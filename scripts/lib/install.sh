# Sourced by scripts/test: what the tests use, and how to get it.

# command:debian-package
TOOLS_BASE="nats-server:nats-server redis-server:redis-server redis-cli:redis-tools nginx:nginx-light openssl:openssl rg:ripgrep jq:jq curl:curl cc:gcc cmake:cmake dpkg:dpkg rpm2cpio:rpm2cpio cpio:cpio shellcheck:shellcheck"
TOOLS_PAGE="chromium:chromium promtool:prometheus"
TOOLS_DOCKER="dockerd:docker.io docker:docker.io docker-compose:docker-compose busybox:busybox-static iptables:iptables"

TOOLS_KUBERNETES="etcd:etcd-server socat:socat conntrack:conntrack ipset:ipset containerd:containerd runc:runc"

# $1: 1 = Docker is not wanted
install_missing() {
  local pairs="$TOOLS_BASE $TOOLS_PAGE" missing="" pair
  # A given engine needs no daemon here, but its images are still built by us.
  [ "$1" = 1 ] || pairs="$pairs $TOOLS_DOCKER"
  [ "$TLS_VERIFY_KUBERNETES" != 1 ] || pairs="$pairs $TOOLS_KUBERNETES"
  for pair in $pairs; do
    have "${pair%%:*}" || case " $missing " in *" ${pair##*:} "*) ;; *) missing="$missing ${pair##*:}" ;; esac
  done
  # Its plugins are no command.
  [ "$TLS_VERIFY_KUBERNETES" != 1 ] || [ -d /usr/lib/cni ] || missing="$missing containernetworking-plugins"
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" = 0 ] && have apt-get; then
    say "installing:$missing"
    # policy-rc.d: the packages' own services must not start on the machine's ports.
    local policy=/usr/sbin/policy-rc.d made=0
    if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"; made=1; fi
    timeout 300 apt-get update -qq >&2 </dev/null || true
    # shellcheck disable=SC2086  # a list of package names
    DEBIAN_FRONTEND=noninteractive timeout 1200 apt-get install -y -qq --no-install-recommends $missing >&2 </dev/null || say "some of these could not be installed"
    [ "$made" = 0 ] || rm -f "$policy"
  else
    say "not installed:$missing"
    say "install with: sudo apt-get install$missing"
    if is_ci; then exit 2; fi
    say "the tests that need them will say that they skip"
  fi
}

# A second, newer NATS: its alerts differ from those of Debian's 2.9.
nats_212() {
  if [ -n "${NATS_SERVER_212:-}" ]; then return 0; fi
  if ! have go; then say "no Go: the tests run on $(nats-server --version 2>/dev/null || echo 'no nats-server') alone"; return 0; fi
  local dir="${XDG_CACHE_HOME:-$HOME/.cache}/tls-verify/nats-2.12.6"
  if [ ! -x "$dir/nats-server" ]; then
    say "building nats-server 2.12.6"
    GOBIN="$dir" GOFLAGS=-buildvcs=false timeout 900 go install github.com/nats-io/nats-server/v2@v2.12.6 >&2 || { say "nats-server 2.12.6 could not be built"; return 0; }
  fi
  export NATS_SERVER_212="$dir/nats-server"
}

# What judges Compose files beside us.
compose_v2() {
  local dir="${XDG_CACHE_HOME:-$HOME/.cache}/tls-verify/compose-2.32.4"
  [ -z "${TLS_VERIFY_COMPOSE:-}" ] || return 0
  if ! have go; then say "no Go: Compose files are judged without Compose v2 beside us"; return 0; fi
  if [ ! -x "$dir/cmd" ]; then
    say "building Compose 2.32.4"
    GOBIN="$dir" GOFLAGS=-buildvcs=false timeout 900 go install github.com/docker/compose/v2/cmd@v2.32.4 >&2 ||
      { say "Compose 2.32.4 could not be built"; return 0; }
  fi
  export TLS_VERIFY_COMPOSE="$dir/cmd"
}

# What renders charts and overlays: built once, into the user's cache.
renderers() {
  local dir="${XDG_CACHE_HOME:-$HOME/.cache}/tls-verify/programs-1" module
  [ -z "${TLS_VERIFY_PROGRAMS:-}" ] || return 0
  if ! have go; then say "no Go: charts and overlays are rendered by stand-ins alone"; return 0; fi
  for module in sigs.k8s.io/kustomize/kustomize/v5@v5.4.3 helm.sh/helm/v3/cmd/helm@v3.16.4; do
    case "$module" in *helm*) [ ! -x "$dir/helm" ] || continue ;; *) [ ! -x "$dir/kustomize" ] || continue ;; esac
    say "building ${module##*/}"
    GOBIN="$dir" GOFLAGS=-buildvcs=false timeout 900 go install "$module" >&2 || say "${module##*/} could not be built"
  done
  export TLS_VERIFY_PROGRAMS="$dir"
}

# What makes and reads the packages, and what lints workflows: built once, into the user's cache.
packaging_tools() {
  local dir="${XDG_CACHE_HOME:-$HOME/.cache}/tls-verify/tools" tool
  for tool in cargo-deb@3.8.0 cargo-generate-rpm@0.21.1; do
    if ! have "${tool%%@*}" && [ ! -x "$dir/bin/${tool%%@*}" ]; then
      say "building ${tool%%@*}"
      CARGO_TARGET_DIR="$dir/target" limited 900 cargo install --quiet --locked --root "$dir" "$tool" >&2 ||
        say "${tool%%@*} could not be built"
    fi
  done
  rm -rf "$dir/target"
  if ! have actionlint && [ ! -x "$dir/bin/actionlint" ] && have go; then
    say "building actionlint"
    GOBIN="$dir/bin" GOFLAGS=-buildvcs=false timeout 600 go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7 >&2 ||
      say "actionlint could not be built"
  fi
  export PATH="$PATH:$dir/bin"
}

# What judges pages in a browser: one file, from its package.
axe_core() {
  local version=4.14.1 dir="${XDG_CACHE_HOME:-$HOME/.cache}/tls-verify/axe-core-4.14.1" work
  if [ -n "${TLS_VERIFY_AXE:-}" ] || [ -e "$dir/axe.min.js" ]; then return 0; fi
  if ! have npm; then say "no npm: pages are not judged in a browser"; return 0; fi
  work=$(mktemp -d)
  if (cd "$work" && timeout 120 npm pack --silent "axe-core@$version" >/dev/null && tar -xzf "axe-core-$version.tgz" package/axe.min.js); then
    mkdir -p "$dir"
    mv "$work/package/axe.min.js" "$dir/axe.min.js"
  else
    say "axe-core $version could not be had"
  fi
  rm -rf "$work"
}
