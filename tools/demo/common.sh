# What the demo's scripts share; sourced, not run. Whoever runs them as root has the cluster and the daemon run as the
# system user `buurtaal`, which is made when it is not there yet; everybody else runs them as himself.

demo_user=buurtaal
PATH=$PATH:/usr/sbin:/sbin
umask 077

# note WORDS / die WORDS: to stderr, with the script's name.
note() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}
die() {
    note "$*"
    exit 1
}

# Prints uid:gid of who runs the cluster and the daemon.
demo_owner() {
    if [ "$(id -u)" != 0 ]; then
        echo "$(id -u):$(id -g)"
        return
    fi
    # Another clone may be making the user at this moment.
    getent passwd "$demo_user" >/dev/null ||
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$demo_user" ||
        getent passwd "$demo_user" >/dev/null || die "cannot make the system user $demo_user"
    echo "$(id -u "$demo_user"):$(id -g "$demo_user")"
}

# as_owner UID:GID FOLDER COMMAND...: runs it with a clean environment and FOLDER open as /proc/self/fd/8. Root opens the
# folder before giving up its rights, so that a folder whose parents are closed to that user (a clone below /root) works
# too: the command names everything in it by that path.
folder_fd=/proc/self/fd/8
as_owner() (
    owner=$1
    exec 8<"$2"
    cd /
    shift 2
    if [ "$(id -u)" = "${owner%:*}" ]; then
        exec env -i PATH="$PATH" LC_ALL=C.UTF-8 "$@"
    fi
    exec setpriv --reuid="${owner%:*}" --regid="${owner#*:}" --clear-groups --no-new-privs \
        env -i PATH="$PATH" LC_ALL=C.UTF-8 "$@"
)

# until_true SECONDS COMMAND...: asks again, ten times a second, until it succeeds or the time is up.
until_true() {
    turns=$(($1 * 10))
    shift
    until "$@"; do
        turns=$((turns - 1))
        [ "$turns" -gt 0 ] || return 1
        sleep 0.1
    done
}
