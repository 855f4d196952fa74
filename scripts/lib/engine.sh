# Sourced by scripts/test: a Docker Engine for the tests, and its images.

ENGINE_DIR=""

engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Without an engine: in CI that is the end, elsewhere the tests say that they skip.
engine_missing() {
  say "no Docker engine: $1"
  if is_ci; then exit 2; fi
  export TLS_VERIFY_SKIP_DOCKER=1
}

engine_start() {
  if ! have docker; then engine_missing "no docker command"; return 0; fi
  if engine_answers; then
    say "Docker engine: ${DOCKER_HOST:-the default socket}"
  else
    if [ -n "${DOCKER_HOST:-}" ]; then engine_missing "nothing answers at $DOCKER_HOST"; return 0; fi
    if [ "$(id -u)" != 0 ] || ! have dockerd; then engine_missing "none runs, and only root can start one"; return 0; fi
    ENGINE_DIR=$(mktemp -d /tmp/tls-verify-docker.XXXXXX)
    say "starting dockerd in $ENGINE_DIR"
    engine_spawn "$ENGINE_DIR" || { engine_missing "dockerd did not come up, see $ENGINE_DIR/dockerd.log"; tail -n 20 "$ENGINE_DIR/dockerd.log" >&2 || true; return 0; }
    export DOCKER_HOST="unix://$ENGINE_DIR/docker.sock"
  fi
  if [ -x fixtures/images/build ]; then
    say "images"
    limited 900 fixtures/images/build || { engine_missing "the images could not be built"; return 0; }
  fi
}

# A dockerd of our own beside any other: own data, own state, own socket.
engine_spawn() {
  local dir="$1" i
  mkdir -p "$dir/data" "$dir/exec"
  # A driver that works everywhere, nested containers included, is vfs; overlay
  # is tried first because vfs copies every image whole.
  local driver
  for driver in overlay2 vfs; do
    dockerd --data-root "$dir/data" --exec-root "$dir/exec" -H "unix://$dir/docker.sock" \
      --pidfile "$dir/docker.pid" --storage-driver "$driver" >"$dir/dockerd.log" 2>&1 </dev/null &
    local pid=$!
    for i in $(seq 1 150); do
      if DOCKER_HOST="unix://$dir/docker.sock" engine_answers; then return 0; fi
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  return 1
}

engine_stop() {
  [ -n "$ENGINE_DIR" ] || return 0
  if [ "${TLS_VERIFY_KEEP:-}" = 1 ]; then say "engine kept: export DOCKER_HOST=unix://$ENGINE_DIR/docker.sock"; return 0; fi
  local pid="" left
  [ -f "$ENGINE_DIR/docker.pid" ] && pid=$(cat "$ENGINE_DIR/docker.pid")
  if [ -n "$pid" ]; then
    left=$(timeout 20 docker ps -q 2>/dev/null || true)
    # shellcheck disable=SC2086  # a list of ids
    [ -z "$left" ] || timeout 90 docker rm -f $left >/dev/null 2>&1 || true
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 1 200); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -rf "$ENGINE_DIR" 2>/dev/null || true
}
