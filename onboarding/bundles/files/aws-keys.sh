# shellcheck shell=sh
# AWS access keys for this shell, and for nothing else: they are never written down, and end with the shell.
#
#   . ./aws-keys.sh        in sh, bash, dash and zsh
#
# Nothing but the three variables remains: the function forgets its own name first, and everything else happens in a
# subshell, whose variables, functions and traps are not the person's. Ctrl-C leaves no keys and no silent terminal.

onramp_aws_keys() {
    unset -f onramp_aws_keys
    # What the subshell says becomes an argument of ours: no variable, and no program sees it. Keys hold no colons.
    set -- "$(
        ask() { # variable, hint, and whether it may be read over a shoulder
            if [ -t 0 ]; then
                terminal=$(stty -g)
                trap 'stty "$terminal"; exit 130' HUP INT TERM
                [ "$3" = shown ] || stty -echo
                printf '%s%s: ' "$1" "$2" >&2
            fi
            IFS= read -r answer || :
            if [ -t 0 ]; then
                stty "$terminal"
                [ "$3" = shown ] || echo >&2
            fi
            answer=$(printf '%s' "$answer" | tr -d '[:space:]:')
        }
        language=${LC_ALL:-${LC_MESSAGES:-${LANG:-en}}}
        optional=' (may be empty)' missing='Nothing was set, because this is missing:'
        if [ "${language#es}" != "$language" ]; then
            optional=' (puede quedar en blanco)' missing='No se ha definido nada, porque falta:'
        fi
        ask AWS_ACCESS_KEY_ID '' shown
        [ -n "$answer" ] || { echo "$missing AWS_ACCESS_KEY_ID" >&2 && exit 1; }
        id=$answer
        ask AWS_SECRET_ACCESS_KEY '' hidden
        [ -n "$answer" ] || { echo "$missing AWS_SECRET_ACCESS_KEY" >&2 && exit 1; }
        secret=$answer
        ask AWS_SESSION_TOKEN "$optional" hidden
        printf '%s' "$id:$secret:$answer"
    )"
    [ -n "$1" ] || return 1
    # A token that is left from other keys would make these invalid.
    unset AWS_SESSION_TOKEN
    set -- "${1%%:*}" "${1#*:}"
    set -- "$1" "${2%%:*}" "${2#*:}"
    export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2"
    [ -z "$3" ] || export AWS_SESSION_TOKEN="$3"
}

{ onramp_aws_keys; }
