# shellcheck shell=bash
# Sourced by scripts/cluster: the namespaces in which the parts of a cluster run, and what is started in them.
#
# A place is "cluster", where the control plane runs, or a node. Each is a set of namespaces held by a first process; the
# nodes' process namespaces are below the cluster's, so that the end of its first process is the end of everything.

# Prints the process id of a place's first process. It is found by its command line, which nothing else has: a number
# kept in a file could mean another process by the time it is read.
first_process() { pgrep -f "^[^ ]*/pause walguard-cluster $home $1\$"; }

runs() { first_process "$1" >/dev/null; }

# Sets `entry` to what a command must be prefixed with to run in a place. The control plane shares the machine's host
# name; a node has one of its own.
entry_of() { # PLACE
  local process
  process=$(first_process "$1") || fail "$1 does not run"
  entry=(nsenter --target "$process" --net --pid --mount)
  [[ $1 == cluster ]] || entry+=(--uts --ipc)
  entry+=(--)
}

inside() { # PLACE COMMAND...
  local entry
  entry_of "$1"
  "${entry[@]}" "${@:2}"
}

# Starts COMMAND in the background as a part of a place; log and process id (as the place counts them) are kept. When it
# returns the command has a session of its own, so that it outlives a caller who ends all that this one left behind.
start_daemon() { # PLACE NAME COMMAND...
  local entry files=$logs/$1.$2
  entry_of "$1"
  rm -f "$files.pid"
  # shellcheck disable=SC2016  # meant for the inner shell
  setsid "${entry[@]}" env PATH="$programs:$PATH" sh -c 'echo $$ >"$0"; exec "$@"' "$files.pid" "${@:3}" \
    </dev/null >>"$files.log" 2>&1 9>&- &
  wait_for 10 test -s "$files.pid"
}

# At once: a polite API server takes a minute while somebody watches it.
kill_daemon() { # PLACE NAME
  local file=$logs/$1.$2.pid process
  [[ -f $file ]] || return 0
  process=$(<"$file")
  rm -f "$file"
  inside "$1" kill -9 "$process" 2>/dev/null || true
}

# Ends a place and all that runs in it, and waits until the kernel has taken down the rest.
cut_power() { # PLACE
  local process
  process=$(first_process "$1") || return 0
  kill -9 "$process"
  wait_for 30 not runs "$1"
}

not() { ! "$@"; }

fill() { # TEMPLATE NAME=VALUE...: prints it with every @NAME@ replaced
  local text given
  text=$(<"$config/$1")
  shift
  for given in "$@"; do text=${text//@${given%%=*}@/${given#*=}}; done
  printf '%s\n' "$text"
}
