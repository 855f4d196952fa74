# Sourced by scripts/test: nothing waits for ever.

# limited SECONDS COMMAND...: ends the command after that time, and says what was running then.
# Nothing of it outlives it, and it reads nothing.
limited() {
  local limit="$1" code=0
  shift
  timeout --kill-after=20 "$limit" "$@" </dev/null &
  local command=$!
  (
    for _ in $(seq 1 "$(( limit > 5 ? limit - 5 : 1 ))"); do
      kill -0 "$command" 2>/dev/null || exit 0
      sleep 1
    done
    echo "== about to end after $limit s: $*; running now:"
    ps --ppid 2 -p 2 --deselect -o pid,ppid,etime,args --forest | cut -c1-160
  ) >&2 </dev/null &
  local watcher=$!
  wait "$command" || code=$?
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  [ "$code" != 124 ] || say "ended after $limit s: $*"
  return "$code"
}
