#!/bin/sh
# Starts one role of Sneaky Klaus in a container: brings the database up to date, then becomes the process.
set -eu
umask 077

role=${1:-${SNEAKY_ROLE:-all}}
[ $# -eq 0 ] || shift

case $role in
    all) set -- serve "$@" ;;
    web)
        export SNEAKY_SCHEDULER=off
        set -- serve "$@"
        ;;
    scheduler) set -- scheduler run "$@" ;;
    worker) set -- worker "$@" ;;
    sneaky) exec sneaky "$@" ;; # one command on the same volume, such as `sneaky admin create`
    *)
        printf 'entrypoint: there is no role "%s"; use all, web, scheduler, worker, or sneaky COMMAND\n' "$role" >&2
        exit 64
        ;;
esac

# Any number may start at once: the command takes a lock, one upgrades and the others wait for it.
sneaky db upgrade
exec sneaky "$@"
