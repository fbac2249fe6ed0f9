#!/bin/sh
# The doctor: looks at this machine, with this person's own credentials, for what the bundle needs. It changes nothing.
#
# Its sentences are in words.txt, its facts in onramp.json, both beside it. Without `set -e`, because a check that
# cannot be made has an answer of its own, "unknown", and the checks after it are made all the same.

main() {
    start "$@"
    run_checks
    [ -z "$REPORT$JSON" ] || write_report
    if [ -n "$REPORT" ]; then
        offer_report
    elif [ -n "$JSON" ]; then
        cat "$WORK/report.json"
    else
        summarise
    fi
    conclude
}

start() {
    set -u
    umask 077
    : "${HOME:=/}"
    JSON='' REPORT='' YES='' MODEL=ask NAME='' WORK='' RUNNING='' TERMINAL='' SESSION='' CLI_VERSION='' SENT=''
    # Seconds for an outside program. More for slow machines, fewer for impatient tests.
    LIMIT=${ONRAMP_DOCTOR_SECONDS:-20}
    find_folder
    # 3 is where people are spoken to; with --json standard output is for a program.
    exec 3>&1
    read_options "$@"
    [ -z "$JSON" ] || exec 3>&2
    read_bundle
    prepare
}

conclude() { # the exit status: whether nothing failed, the sending of a wanted report included
    [ "$SENT" != failed ] && ! grep -q '^[^ ]* failed ' "$WORK/results"
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

read_options() {
    case $LIMIT in '' | *[!0-9]* | ????*) LIMIT=20 ;; esac
    while [ $# -gt 0 ]; do
        case $1 in
            --json) JSON=1 ;;
            --report) REPORT=1 ;;
            --yes) YES=1 ;;
            --ask-model) MODEL=consented ;;
            --no-model) MODEL=refused ;;
            --name)
                [ $# -ge 2 ] || misused "$1"
                NAME=$2
                shift
                ;;
            --help | -h) show_usage && exit 0 ;;
            *) misused "$1" ;;
        esac
        shift
    done
}

show_usage() {
    [ -r "$FOLDER/words.txt" ] || broken_bundle words.txt
    word doctor.usage
}

misused() {
    {
        [ -r "$FOLDER/words.txt" ] && word doctor.unknown-option "$(plain "$1")"
        show_usage
    } >&2
    exit 3
}

# --- What the bundle says

read_bundle() {
    [ -r "$FOLDER/words.txt" ] || broken_bundle words.txt
    [ -r "$FOLDER/json.sh" ] || broken_bundle json.sh
    [ -r "$FOLDER/onramp.json" ] || broken_bundle onramp.json
    # shellcheck source=/dev/null
    . "$FOLDER/json.sh"
    if ! json_find_reader; then
        word doctor.no-json-reader 'python3, jq' >&2
        exit 4
    fi
    REGION=$(of_bundle region) || broken_bundle onramp.json
    PROFILE=$(of_bundle aws_profile)
}

read_plan() { # only for people and for the report
    PLAN=$(of_bundle plan) REVISION=$(of_bundle revision)
    case $REVISION in '' | *[!0-9]* | ??????????*) REVISION=0 ;; esac
}

of_bundle() { json_get "$FOLDER/onramp.json" "$1" 2>/dev/null; }

broken_bundle() { # a file of the bundle cannot be read. The English is for when that file is the one with the words
    if [ -r "$FOLDER/words.txt" ]; then
        word doctor.bad-bundle "$1" >&2
    else
        echo "words.txt could not be read. Unpack the whole bundle again and run the doctor in its folder." >&2
    fi
    exit 3
}

word() { # key [1 [2]]: its sentence, filled in; the key itself where there is none
    # In one pass, and not with sub(): a value may hold {2}, & or \ and they stand for themselves.
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

plain() { # text: at most 200 printable ASCII characters of it. A terminal obeys the others, and so may a reader
    printf '%s' "$1" | LC_ALL=C tr '\n\r\t' '   ' | LC_ALL=C tr -c ' -~' '?' | LC_ALL=C cut -c 1-200
}

# --- Programs, each with a time limit

prepare() {
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap clean_up EXIT
    if ! WORK=$(mktemp -d "${TMPDIR:-/tmp}/onramp-doctor.XXXXXX"); then
        word doctor.no-temporary-folder >&2
        exit 3
    fi
    : >"$WORK/results"
    TIMER=
    # Where a timeout knows -k, a program that ignores the first signal is ended all the same.
    if timeout -k 2 9 true 2>/dev/null; then
        TIMER='timeout -k 2'
    elif timeout 9 true 2>/dev/null; then
        TIMER=timeout
    fi
}

# shellcheck disable=SC2329
clean_up() { # at every end, by a trap
    [ -z "$TERMINAL" ] || stty "$TERMINAL"
    [ -z "$RUNNING" ] || kill "$RUNNING" 2>/dev/null
    [ -z "$WORK" ] || rm -rf -- "$WORK"
}

has() { command -v "$1" >/dev/null 2>&1; }

limited() { # program and arguments: its output in out and err, its exit status; above 123 when time was up
    # In the background, because a shell that waits for a program in the foreground does not hear Ctrl-C.
    # TIMER is several words: the program and its options.
    if [ -n "$TIMER" ]; then
        # shellcheck disable=SC2086
        $TIMER "$LIMIT" "$@" </dev/null >"$WORK/out" 2>"$WORK/err" 3>&- &
    else
        watched "$@" </dev/null >"$WORK/out" 2>"$WORK/err" 3>&- &
    fi
    RUNNING=$!
    # Some shells remark on a program that was ended.
    wait "$RUNNING" 2>/dev/null
    STATUS=$?
    RUNNING=
    return "$STATUS"
}

watched() { # what `timeout` does, where there is none; runs in the background, so its traps are its own
    # A process group of its own (-m), so that what the program started ends with it. Some shells cannot do that
    # without a terminal, and zsh ends when it is asked: hence the first try.
    (set -m) 2>/dev/null && set -m 2>/dev/null
    # Before the program starts, or a signal in between would leave it alone. INT too: with -m, bash gives back the
    # Ctrl-C that is kept from programs in the background.
    program='' stopped=''
    trap 'stopped=1; [ -z "$program" ] || end_group "$program"' HUP INT TERM
    "$@" &
    program=$!
    set +m
    [ -z "$stopped" ] || end_group "$program"
    { watch "$program" & } >/dev/null 2>&1
    guard=$!
    wait "$program"
    ended=$?
    kill "$guard" 2>/dev/null
    exit "$ended"
}

watch() { # process group: ends it when time is up. Takes its sleep with it when it is ended before that
    trap 'kill "$nap" 2>/dev/null; exit' HUP INT TERM
    nap=
    sleep "$LIMIT" &
    nap=$!
    wait "$nap"
    end_group "$1"
}

end_group() { kill -s TERM -- "-$1" 2>/dev/null || kill "$1" 2>/dev/null; }

complaint() { # what the last program said about its failure, without what looks like a credential
    case $STATUS in
        124 | 137 | 143)
            echo "timeout after $LIMIT s"
            return
            ;;
    esac
    said=$(LC_ALL=C awk '
        NF && !first { first = $0 }
        /[Ee]rror|xpired|nable|ould not|denied/ { print; exit_now = 1; exit }
        END { if (!exit_now) print first }' "$WORK/err" | masked)
    echo "${said:-exit status $STATUS}"
}

masked() { # anything as long as a secret key, an access key id, a web token, and what stands behind such a name
    LC_ALL=C sed -E \
        -e 's/(A[KS]IA|ABSK|bedrock-api-key-|eyJ)[A-Za-z0-9._+/=-]{8,}/***/g' \
        -e 's/[A-Za-z0-9+/=]{40,}/***/g' \
        -e 's/([Ss]ecret[A-Za-z_ ]*|[Pp]assword|[Ss]ession_?[Tt]oken)(["'\'' ]*[:=]["'\'' ]*)[^"'\'' ,]+/\1\2***/g' \
        -e 's#(://)[^/@ ]*@#\1***@#g'
}

aws_asks() { # arguments of the AWS CLI: with the plan's profile and Region, and no pager
    [ -z "$PROFILE" ] || set -- "$@" --profile "$PROFILE"
    limited env AWS_PAGER= aws "$@" --region "$REGION"
}

# --- Telling

tell() { # check outcome reason [detail [second]]: {1} of the sentence is the detail, {2} the second
    detail=$(plain "${4-}")
    second=$(plain "${5-}")
    printf '%s %s %s %s\n' "$1" "$2" "$3" "$detail" >>"$WORK/results"
    [ -z "$JSON" ] || return 0
    printf '%s  %s: %s\n' "$(word "doctor.outcome.$2")" "$(word "doctor.$1.title")" \
        "$(word "doctor.$1.$3" "$detail" "$second")"
    [ "$2" = passed ] || printf '    %s\n' "$(word "doctor.$1.$3.fix" "$detail" "$second")"
}

summarise() {
    failed=$(titles failed)
    unknown=$(titles unknown)
    echo
    if [ -n "$failed" ]; then
        word doctor.summary.failed "$failed"
    elif [ -n "$unknown" ]; then
        word doctor.summary.unknown "$unknown"
    else
        word doctor.summary.works
    fi
}

titles() { # outcome: the titles of the checks that ended so
    separator=
    while read -r check outcome rest; do
        [ "$outcome" = "$1" ] || continue
        printf '%s%s' "$separator" "$(word "doctor.$check.title")"
        separator=', '
    done <"$WORK/results"
}

# --- The checks, in the order of onboarding/doctor.py

run_checks() {
    read_plan
    [ -n "$JSON" ] || word doctor.introduction "$(plain "$PLAN")" "$REVISION"
    check_claude_code
    check_provider
    check_settings
    check_conflicts
    check_profile
    check_session
    check_identity
    check_discovery
    check_model
    check_network
}

check_claude_code() {
    if ! has claude; then
        tell claude-code failed not-found
        return
    fi
    limited claude --version
    minimum=$(of_bundle minimum_version)
    CLI_VERSION=$(sed -n 's/^\([0-9]\{1,6\}\.[0-9]\{1,6\}\.[0-9]\{1,6\}\).*/\1/p' "$WORK/out" | head -n 1)
    if [ -z "$CLI_VERSION" ]; then
        tell claude-code unknown no-answer "$(complaint)"
    elif is_older "$CLI_VERSION" "$minimum"; then
        tell claude-code failed too-old "$CLI_VERSION" "$minimum"
    else
        tell claude-code passed works "$CLI_VERSION"
    fi
}

is_older() { # a version, and the one it must reach (or nothing): as numbers, 2.1.99 is older than 2.1.200
    # Without leading zeros, because busybox takes 010 for eight.
    printf '%s.%s\n' "$1" "${2:-0.0.0}" | LC_ALL=C awk -F . '{
        for (part = 1; part <= 3; part++) {
            sub(/^0+/, "", $part)
            sub(/^0+/, "", $(part + 3))
            if ($part + 0 != $(part + 3) + 0)
                exit ($part + 0 < $(part + 3) + 0) ? 0 : 1
        }
        exit 1
    }'
}

check_provider() {
    if ! has claude; then
        tell provider skipped no-claude-code
        return
    fi
    # Its exit status only says whether somebody is signed in to Anthropic.
    limited claude auth status
    provider=$(json_get "$WORK/out" apiProvider 2>/dev/null)
    case $provider in
        bedrock) tell provider passed works ;;
        '') tell provider unknown no-answer "$(complaint)" ;;
        *) tell provider failed other-provider "$provider" ;;
    esac
}

check_settings() {
    for rank in managed own local project; do
        file=$(settings_file "$rank")
        [ -e "$file" ] || continue
        if ! json_differences "$file" "$FOLDER/onramp.json" >"$WORK/$rank" 2>/dev/null; then
            tell settings unknown no-answer "$(for_people "$file")"
            return
        fi
    done
    own=$(settings_file own)
    if [ -e "$WORK/managed" ] && [ ! -s "$WORK/managed" ]; then
        tell settings passed works "$(settings_file managed)"
    elif [ "$(of_bundle settings_scope)" = managed ]; then
        check_managed_settings
    elif is_outranked_by managed; then
        tell settings failed outranked "$outranked" "$(settings_file managed)"
    elif [ ! -e "$own" ]; then
        tell settings failed missing "$(for_people "$own")"
    else
        check_own_settings
    fi
}

check_managed_settings() { # where the plan leaves them to device management, no other file can make up for that one
    if [ -e "$WORK/managed" ]; then
        tell settings failed outranked "$(listed "$(cat "$WORK/managed")")" "$(settings_file managed)"
    else
        tell settings failed not-managed "$(settings_file managed)"
    fi
}

settings_file() { # rank, the highest of which is managed
    case $1 in
        managed)
            if [ "$(uname -s)" = Darwin ]; then
                echo '/Library/Application Support/ClaudeCode/managed-settings.json'
            else
                echo /etc/claude-code/managed-settings.json
            fi
            ;;
        own) printf '%s\n' "${CLAUDE_CONFIG_DIR:-$HOME/.claude}/settings.json" ;;
        local) echo ./.claude/settings.local.json ;;
        project) echo ./.claude/settings.json ;;
    esac
}

check_own_settings() { # what is set neither there nor by the managed file; then what this folder outranks
    differs=$(cat "$WORK/own")
    [ ! -e "$WORK/managed" ] || differs=$(grep -F -x -f "$WORK/managed" "$WORK/own")
    if [ -n "$differs" ]; then
        tell settings failed differs "$(listed "$differs")" "$(for_people "$own")"
    elif is_outranked_by local; then
        tell settings warning outranked-here "$outranked" "$(settings_file local)"
    elif ! is_same_file "$(settings_file project)" "$own" && is_outranked_by project; then
        tell settings warning outranked-here "$outranked" "$(settings_file project)"
    else
        tell settings passed works "$(for_people "$own")"
    fi
}

is_outranked_by() { # rank: whether it sets something of ours otherwise; outranked are the paths
    # By the name of a path's last key.
    [ -s "$WORK/$1" ] || return
    outranked=$(while IFS= read -r dotted; do
        if ! is_added_up "$dotted" && grep -q -F -e "\"${dotted##*.}\"" "$(settings_file "$1")"; then
            printf '%s\n' "$dotted"
        fi
    done <"$WORK/$1")
    outranked=$(listed "$outranked")
    [ -n "$outranked" ]
}

is_added_up() { # path: whether it is a list that Claude Code puts together from all files, so that none outranks
    case $1 in
        permissions.allow | permissions.ask | permissions.deny | permissions.additionalDirectories) return 0 ;;
    esac
    return 1
}

is_same_file() { # in a home directory, ./.claude/settings.json is the person's own
    [ -e "$1" ] && [ "$(cd -- "${1%/*}" && pwd -P)/${1##*/}" = "$(cd -- "${2%/*}" && pwd -P)/${2##*/}" ]
}

for_people() { # a path, with ~ for the home directory: its name is nobody's business in a report
    case $1 in
        "$HOME"/*) printf '~%s\n' "${1#"$HOME"}" ;;
        *) printf '%s\n' "$1" ;;
    esac
}

listed() { printf '%s' "$1" | LC_ALL=C awk 'NR > 1 { printf ", " } { printf "%s", $0 } END { print "" }'; }

check_conflicts() {
    if ! names=$(of_bundle conflicts); then
        tell conflicts unknown no-answer '' "$(of_bundle portal_url)"
        return
    fi
    # awk, because its table of the environment cannot be misled by values with newlines, as the lines of env can.
    names=$(printf '%s\n' "$names" | LC_ALL=C awk '/^[A-Z0-9_]+$/ && ($0 in ENVIRON)')
    if [ -n "$names" ]; then
        tell conflicts failed conflict "$(listed "$names")"
    else
        tell conflicts passed works
    fi
}

check_profile() {
    PROFILE_FOUND=1
    if [ -z "$PROFILE" ]; then
        tell profile skipped no-profile
    elif has aws; then
        check_region_of_profile
    else
        case $(of_bundle login_command) in
            'aws '*) tell profile failed no-cli "$PROFILE" ;;
            *) tell profile unknown no-cli-needed "$PROFILE" ;;
        esac
    fi
}

check_region_of_profile() {
    # The one command for this that versions 1 and 2 share. Exit status 1 with nothing said: there is no such key.
    limited aws configure get region --profile "$PROFILE"
    seen=$(cat "$WORK/out")
    if [ "$STATUS" = 0 ] && [ "$seen" = "$REGION" ]; then
        tell profile passed works "$PROFILE" "$REGION"
    elif [ "$STATUS" = 0 ] && [ -n "$seen" ]; then
        tell profile failed other-region "$seen" "$REGION"
    elif grep -q 'could not be found' "$WORK/err"; then
        PROFILE_FOUND=
        tell profile failed missing "$PROFILE"
    elif [ "$STATUS" -le 1 ] && [ ! -s "$WORK/err" ]; then
        tell profile failed no-region "$PROFILE" "$REGION"
    else
        tell profile unknown no-answer "$(complaint)"
    fi
}

check_session() {
    if [ "$(of_bundle method)" = credential-export ]; then
        # Only Claude Code runs that helper: AWS's command line knows nothing of it.
        tell session skipped helper
    elif ! has aws; then
        tell session unknown no-cli
    elif [ -z "$PROFILE_FOUND" ]; then
        tell session skipped no-profile "$PROFILE"
    elif aws_asks sts get-caller-identity --output json; then
        SESSION=1
        tell session passed works
    else
        tell_no_session
    fi
}

tell_no_session() { # the texts are those of AWS's command line, versions 1 and 2, and of the services behind it
    case $(cat "$WORK/err") in
        *'calling the GetRoleCredentials'*Forbidden* | *Forbidden*'calling the GetRoleCredentials'*)
            tell session failed no-access "$(complaint)" "$(of_bundle role)"
            ;;
        *custom-process*) tell session failed helper-failed "$(complaint)" ;;
        *[Ee]'xpired'* | *'SSO Token'* | *'SSO session'* | *'token from sso'* | *UnauthorizedException* | \
            *reauthenticate* | *'locate credentials'* | *'artial credentials'* | *InvalidClientTokenId* | \
            *SignatureDoesNotMatch* | *UnrecognizedClient* | *InvalidAccessKeyId* | *'aws login'*)
            tell_not_signed_in
            ;;
        *) tell session unknown no-answer "$(complaint)" ;;
    esac
}

tell_not_signed_in() { # where no command signs in, the guide says how credentials are come by
    login=$(of_bundle login_command)
    if [ -n "$login" ]; then
        tell session failed not-signed-in "$(complaint)" "$login"
    else
        tell session failed no-credentials "$(complaint)"
    fi
}

check_identity() {
    if [ -z "$SESSION" ]; then
        tell identity skipped no-session
        return
    fi
    ACCOUNT=$(of_bundle account_id) ROLE=$(of_bundle role)
    tell_identity "$(json_get "$WORK/out" Arn 2>/dev/null)"
}

tell_identity() { # ARN
    case $1 in
        arn:*:*:"$ACCOUNT":*)
            if is_role "${1#arn:*:*:"$ACCOUNT":}"; then
                tell identity passed works "$1"
            else
                tell identity failed other-role "$1" "$ROLE"
            fi
            ;;
        arn:*:*:*:*) tell identity failed other-account "$1" "$ACCOUNT" ;;
        *) tell identity unknown no-answer ;;
    esac
}

is_role() { # the last part of an ARN: as the plan's role, permission set or user
    case $1 in
        assumed-role/"AWSReservedSSO_$ROLE"_*/*)
            hash=${1#assumed-role/"AWSReservedSSO_$ROLE"_}
            # With a _ in it, it is the end of another permission set's longer name.
            case ${hash%%/*} in *_*) return 1 ;; esac
            ;;
        assumed-role/"$ROLE"/* | user/"$ROLE" | user/*/"$ROLE") ;;
        *) [ -z "$ROLE" ] ;;
    esac
}

check_discovery() {
    pins=$(of_bundle pins)
    if [ -z "$pins" ]; then
        tell discovery skipped no-models
    elif [ -z "$SESSION" ]; then
        tell discovery skipped no-session
    elif list_models "$pins"; then
        missing=$(printf '%s\n' "$pins" | grep -v -F -x -f "$WORK/seen")
        if [ -n "$missing" ]; then
            tell discovery failed missing "$(listed "$missing")" "$REGION"
        else
            tell discovery passed works
        fi
    elif grep -q AccessDenied "$WORK/err"; then
        tell discovery unknown refused "$(complaint)"
    else
        tell discovery unknown no-answer "$(complaint)"
    fi
}

list_models() { # pins: the ids and ARNs that Bedrock lists of their kinds, one a line, in the file seen
    : >"$WORK/seen"
    case $1 in
        *:application-inference-profile/*) list_models_of APPLICATION || return ;;
    esac
    if printf '%s\n' "$1" | grep -q -v ':application-inference-profile/'; then
        list_models_of SYSTEM_DEFINED
    fi
}

list_models_of() { # type
    aws_asks bedrock list-inference-profiles --type-equals "$1" --output text \
        --query 'inferenceProfileSummaries[].[inferenceProfileId, inferenceProfileArn]' || return
    tr '\t' '\n' <"$WORK/out" >>"$WORK/seen"
}

check_model() {
    if [ -z "$SESSION" ]; then
        tell model skipped no-session
        return
    fi
    DEFAULT_MODEL=$(of_bundle default_model)
    if ! consents_to_model; then
        tell model skipped not-asked
    elif invoke_model; then
        tell model passed works "$DEFAULT_MODEL"
    elif grep -q -E 'AccessDeniedException|ResourceNotFoundException|ValidationException' "$WORK/err"; then
        tell model failed refused "$(complaint)" "$DEFAULT_MODEL"
    else
        tell model unknown no-answer "$(complaint)" "$DEFAULT_MODEL"
    fi
}

consents_to_model() {
    [ "$MODEL" = consented ] && return 0
    [ "$MODEL" = ask ] && [ -t 0 ] && agreed "$(word doctor.ask-model "$(plain "$DEFAULT_MODEL")")"
}

invoke_model() {
    printf '%s' '{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}' \
        >"$WORK/body.json"
    aws_asks bedrock-runtime invoke-model --model-id "$DEFAULT_MODEL" --body "fileb://$WORK/body.json" \
        --content-type application/json "$WORK/answer"
}

check_network() {
    if ! has curl; then
        tell network unknown no-curl
        return
    fi
    if [ -n "${AWS_ENDPOINT_URL-}" ]; then
        hosts=$AWS_ENDPOINT_URL
    else
        hosts=$(of_bundle hosts)
    fi
    reach "$hosts"
    for outcome in unreachable certificate unknown answered; do
        [ -s "$WORK/$outcome" ] && break
        outcome=unknown
    done
    tell_network "$outcome" "$(listed "$(sort "$WORK/$outcome" 2>/dev/null)")"
}

tell_network() { # the worst that was seen, and of which hosts
    case $1 in
        unreachable) tell network failed unreachable "$2" ;;
        certificate) tell network failed certificate "$2" ;;
        answered) tell network passed works "$2" ;;
        *) tell network unknown no-answer "$2" ;;
    esac
}

reach() { # URLs, one a line: all at once, so that several dead ones take no longer than one
    number=0
    while IFS= read -r url; do
        number=$((number + 1))
        reach_one "$url" "$number" &
    done <<URLS
$1
URLS
    wait
}

reach_one() { # URL number: its name in the file of what became of it
    [ -n "$1" ] || return 0
    # By standard input: somebody's AWS_ENDPOINT_URL may hold a password. -q: Claude Code reads no .curlrc either.
    printf 'url = "%s"\n' "$(quoted_for_curl "$1")" |
        curl -q -sS -g --proto '=http,https' --max-time "$(least 5 "$LIMIT")" -o /dev/null -K - 2>/dev/null
    case $? in
        0) became=answered ;;
        5 | 6 | 7 | 16 | 28 | 35 | 52 | 55 | 56 | 92 | 95 | 97) became=unreachable ;;
        51 | 60 | 77 | 83 | 90 | 91) became=certificate ;;
        *) became=unknown ;;
    esac
    host_of "$1" >>"$WORK/$became"
}

quoted_for_curl() { printf '%s' "$1" | LC_ALL=C tr -d '\000-\037' | LC_ALL=C sed -e 's/[\\"]/\\&/g'; }

host_of() { # URL: without a password, a path and a query
    printf '%s\n' "$1" | LC_ALL=C sed -e 's|^[A-Za-z]*://||' -e 's|.*@||' -e 's|[/?#].*||'
}

least() { if [ "$1" -le "$2" ]; then echo "$1"; else echo "$2"; fi; }

# --- The report

write_report() { # report.json: what --json prints, and what --report shows and sends, byte for byte
    {
        printf '{"version": 1, "plan": %s, "revision": %s, ' "$(quoted "$PLAN")" "$REVISION"
        printf '"machine": %s, "os": %s, ' "$(quoted "${NAME:-$(uname -n)}")" "$(quoted "$(system)")"
        printf '"cli_version": %s,\n "results": [' "$(quoted "$CLI_VERSION")"
        separator=
        while read -r check outcome reason detail; do
            printf '%s\n  {"check": "%s", "outcome": "%s", "reason": "%s", "detail": %s}' \
                "$separator" "$check" "$outcome" "$reason" "$(quoted "$detail")"
            separator=,
        done <"$WORK/results"
        printf '\n ]}\n'
    } >"$WORK/report.json"
}

quoted() { # a JSON string. The reader is asked only where there is more to it than \ and ": each time is a program
    printable=$(plain "$1")
    if [ "$printable" != "$1" ] && printf '%s' "$1" | json_string 2>/dev/null; then
        return
    fi
    # Printable already, or no text at all (not UTF-8).
    printf '"%s"\n' "$(printf '%s' "$printable" | LC_ALL=C sed -e 's/[\\"]/\\&/g')"
}

system() { # the operating system as people call it
    if has sw_vers; then
        echo "macOS $(sw_vers -productVersion) $(uname -m)"
    else
        uname -s -r -m
    fi
}

offer_report() { # show it, ask, send it
    PORTAL=$(of_bundle portal_url)
    if [ -n "$JSON" ]; then
        cat "$WORK/report.json"
    else
        summarise
        word doctor.report.shown "$(plain "$PORTAL")"
        cat "$WORK/report.json"
    fi
    if ! may_be_sent; then
        SENT=failed
    elif [ -n "$YES" ] || { [ -t 0 ] && agreed "$(word doctor.report.ask)"; }; then
        read_code
        send_report
    else
        word doctor.report.declined >&3
    fi
}

may_be_sent() {
    if ! has curl; then
        word doctor.report.no-curl >&3
        return 1
    fi
    case $PORTAL in
        *[!A-Za-z0-9.:/_~-]*) ;;
        https://?* | http://localhost | http://localhost[:/]* | http://127.0.0.1 | http://127.0.0.1[:/]*) return 0 ;;
    esac
    word doctor.report.bad-portal "$(plain "$PORTAL")" >&3
    return 1
}

agreed() { # question: whether the answer typed is a yes, in words.txt's language
    printf '%s ' "$1" >&3
    IFS= read -r answer || answer=
    answer=$(printf '%s' "$answer" | tr '[:upper:]' '[:lower:]')
    for yes in $(word doctor.yes-words); do
        [ "$answer" != "$yes" ] || return 0
    done
    return 1
}

read_code() { # CODE: typed, which is not shown, or one line of standard input
    CODE=
    if [ -t 0 ]; then
        TERMINAL=$(stty -g)
        stty -echo
        printf '%s ' "$(word doctor.report.code)" >&3
        IFS= read -r CODE || :
        stty "$TERMINAL"
        TERMINAL=
        echo >&3
    else
        IFS= read -r CODE || :
    fi
    CODE=$(printf '%s' "$CODE" | tr -d '[:space:]')
}

send_report() {
    SENT=failed
    # Nothing that would be more than a header's value in curl's configuration.
    case $CODE in
        '' | *[!A-Za-z0-9._~+/=-]*)
            word doctor.report.bad-code >&3
            return
            ;;
    esac
    answer=$(post_report) || answer=000
    case $answer in
        2??) SENT=1 && word doctor.report.sent >&3 ;;
        401 | 403 | 404 | 410) word doctor.report.code-refused >&3 ;;
        [34]??) word doctor.report.refused "HTTP $answer" >&3 ;;
        000) word doctor.report.no-answer "$(masked <"$WORK/curl" | head -n 1)" >&3 ;;
        *) word doctor.report.no-answer "HTTP $answer" >&3 ;;
    esac
}

post_report() { # the status that the portal answered. The code goes by standard input: everybody sees arguments
    printf 'url = "%s/install/report/"\nheader = "Authorization: Onramp %s"\n' "${PORTAL%/}" "$CODE" |
        curl -q -sS --proto '=http,https' --max-redirs 0 --max-time "$LIMIT" -K - -H 'Content-Type: application/json' \
            --data-binary "@$WORK/report.json" -o /dev/null -w '%{http_code}' 2>"$WORK/curl"
}

{ main "$@"; exit; }
