#!/bin/sh
# A short-term Bedrock API key, made from this person's own AWS session and valid no longer than that is.
#
#   eval "$(sh bedrock-key.sh)"                      in sh, bash, dash and zsh
#   sh bedrock-key.sh --shell fish | source          in fish
#
# It is made here, without asking anybody: a signed permission to call Bedrock, in the form of AWS's own library,
# https://github.com/aws/aws-bedrock-token-generator-python. Nothing is written to disk, and credentials go from one
# program's output to another's input only: into no argument, no environment and no log.

main() {
    set -u
    KIND=sh HOURS=12
    find_folder
    read_bundle
    read_options "$@"
    command -v aws >/dev/null 2>&1 || stop bedrock-key.no-cli
    python3 -I -S -c '' 2>/dev/null || stop bedrock-key.no-python "$REGION"
    # What the AWS CLI says about a failure, a prompt for an MFA code too, reaches the terminal as it stands.
    credentials=$(exported_credentials) || no_credentials
    printf '%s' "$credentials" | mint || no_credentials
    word bedrock-key.made "$REGION" "$HOURS" >&2
}

find_folder() { # FOLDER: where this script and its files are. The x keeps a newline at the end of a folder's name.
    unset CDPATH
    case $0 in
        */*) FOLDER=${0%/*}/ ;;
        *) FOLDER=./ ;;
    esac
    FOLDER=$(cd -- "$FOLDER" 2>/dev/null && pwd -P && echo x)
    FOLDER=${FOLDER%?x}
}

read_bundle() {
    for file in words.txt json.sh onramp.json; do
        if [ ! -r "$FOLDER/$file" ]; then
            # There may be no words to say it in.
            echo "$file could not be read. Unpack the whole bundle again and run this in its folder." >&2
            exit 3
        fi
    done
    # shellcheck source=/dev/null
    . "$FOLDER/json.sh"
    if ! json_find_reader; then
        word doctor.no-json-reader 'python3, jq' >&2
        exit 4
    fi
    PROFILE=$(json_get "$FOLDER/onramp.json" aws_profile)
    REGION=$(json_get "$FOLDER/onramp.json" region)
    LOGIN=$(json_get "$FOLDER/onramp.json" login_command)
}

read_options() {
    while [ $# -gt 0 ]; do
        case $1:${2-} in
            --shell:sh | --shell:fish) KIND=$2 ;;
            --hours:[1-9] | --hours:1[012]) HOURS=$2 ;;
            *)
                word bedrock-key.usage >&2
                exit 3
                ;;
        esac
        shift 2
    done
}

stop() { # key [1]
    word "$@" >&2
    exit 1
}

no_credentials() {
    word bedrock-key.no-credentials >&2
    [ -z "$LOGIN" ] || word bedrock-key.sign-in "$LOGIN" >&2
    exit 1
}

word() { # key [1 [2]]: its sentence, filled in; the key itself where there is none
    WORD=$1 WORD_1=${2-} WORD_2=${3-} LC_ALL=C awk '
        index($0, ENVIRON["WORD"] ": ") == 1 {
            rest = substr($0, length(ENVIRON["WORD"]) + 3)
            while (match(rest, /[{][12][}]/)) {
                printf "%s%s", substr(rest, 1, RSTART - 1), ENVIRON["WORD_" substr(rest, RSTART + 1, 1)]
                rest = substr(rest, RSTART + 3)
            }
            print rest
            found = 1
            exit
        }
        END { if (!found) print ENVIRON["WORD"] }' <"$FOLDER/words.txt"
}

exported_credentials() {
    set -- configure export-credentials --format process
    [ -z "$PROFILE" ] || set -- "$@" --profile "$PROFILE"
    AWS_PAGER='' aws "$@"
}

mint() { # credentials on standard input: the line for the shell that sets the key
    python3 -I -S -c "$(program)" "$REGION" "$HOURS" "$KIND"
}

program() { # Signature version 4 in the query, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    cat <<'PYTHON'
import base64, datetime, hashlib, hmac, json, sys
from urllib.parse import quote

region, hours, kind = sys.argv[1:]
HOST = "bedrock.amazonaws.com"


def signed_query(credentials, now):
    """The query of a presigned POST to Bedrock that stands for the permission to call it."""
    scope = "/".join([now[:8], region, "bedrock", "aws4_request"])
    query = {
        "Action": "CallWithBearerToken",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": credentials["AccessKeyId"] + "/" + scope,
        "X-Amz-Date": now,
        "X-Amz-Expires": str(int(hours) * 3600),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.get("SessionToken"):
        query["X-Amz-Security-Token"] = credentials["SessionToken"]
    pairs = [name + "=" + quote(value, safe="-_.~") for name, value in query.items()]
    nothing = hashlib.sha256(b"").hexdigest()
    request = "\n".join(["POST", "/", "&".join(sorted(pairs)), "host:" + HOST, "", "host", nothing])
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, digest])
    key = ("AWS4" + credentials["SecretAccessKey"]).encode()
    for part in [*scope.split("/"), to_sign]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return "&".join(pairs) + "&X-Amz-Signature=" + key.hex()


def main():
    try:
        credentials = json.loads(sys.stdin.read())
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        query = signed_query(credentials, now)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Without a traceback, which could show them.
        sys.exit(1)
    key = "bedrock-api-key-" + base64.b64encode((HOST + "/?" + query + "&Version=1").encode()).decode()
    form = "set -gx AWS_BEARER_TOKEN_BEDROCK '%s'" if kind == "fish" else "export AWS_BEARER_TOKEN_BEDROCK='%s'"
    print(form % key)


main()
PYTHON
}

{ main "$@"; exit; }
