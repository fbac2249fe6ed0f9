# AWS access keys for this shell, and for nothing else: they are never written down, and end with the shell.
#
#   source aws-keys.fish
#
# Nothing but the three variables remains: the function forgets its own name first, and what it keeps is local to it.

function onramp_aws_keys
    functions --erase onramp_aws_keys
    set -l optional '(may be empty)'
    set -l missing 'Nothing was set, because this is missing:'
    # The first of the three that says something, as in other programs.
    set -l languages $LC_ALL $LC_MESSAGES $LANG
    if string match -q 'es*' -- $languages[1]
        set optional '(puede quedar en blanco)'
        set missing 'No se ha definido nada, porque falta:'
    end

    read -l -P 'AWS_ACCESS_KEY_ID: ' id; or return 1
    set id (string replace -ra '[\s:]' '' -- $id)
    if test -z "$id"
        echo "$missing AWS_ACCESS_KEY_ID" >&2
        return 1
    end
    read -l -s -P 'AWS_SECRET_ACCESS_KEY: ' secret; or return 1
    set secret (string replace -ra '[\s:]' '' -- $secret)
    if test -z "$secret"
        echo "$missing AWS_SECRET_ACCESS_KEY" >&2
        return 1
    end
    read -l -s -P "AWS_SESSION_TOKEN $optional: " token
    set token (string replace -ra '[\s:]' '' -- $token)

    # A token that is left from other keys would make these invalid.
    set -e AWS_SESSION_TOKEN
    set -gx AWS_ACCESS_KEY_ID $id
    set -gx AWS_SECRET_ACCESS_KEY $secret
    if test -n "$token"
        set -gx AWS_SESSION_TOKEN $token
    end
    return 0
end

begin; onramp_aws_keys; end
