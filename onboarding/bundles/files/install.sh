#!/bin/sh
# Puts this bundle's settings into a person's own files, and takes them out again:
#
#     sh install.sh [--dry-run | --diff]
#     sh install.sh uninstall [--dry-run | --diff]
#
# Exit status: 0 done, or nothing to do; 1 a program failed; 2 refused; 3 misused; 4 nothing here reads JSON.
#
# Everything is worked out and checked in a private temporary folder before the first file changes. Of each file
# treated, ~/.onramp/state keeps what was there before and what was written: the one comes back byte for byte as long
# as the other still stands, and tells what is ours where a person went on editing. The sentences are in words.txt,
# the facts in onramp.json.

main() {
    set -eu
    umask 077
    LC_ALL=C
    export LC_ALL
    ACTION=install MODE=write COUNT=0 REFUSED='' BACKUP='' SPARED='' WORK=''
    find_bundle
    read_options "$@"
    find_home
    read_bundle
    make_work_folder
    case $ACTION in
        install) plan_install ;;
        *) plan_uninstall ;;
    esac
    if [ -n "$REFUSED" ]; then
        say install.nothing-written >&2
        exit 2
    fi
    case $MODE,$ACTION in
        dry-run,*) for_each_file would ;;
        diff,*) for_each_file difference ;;
        *,install) install_files ;;
        *) uninstall_files ;;
    esac
}

find_bundle() { # BUNDLE: where this script lies. The dot keeps a newline at the end of a folder's name
    unset CDPATH
    NEWLINE='
'
    case $0 in
        /*) BUNDLE=${0%/*}/ ;;
        */*) BUNDLE=./${0%/*} ;;
        *) BUNDLE=. ;;
    esac
    BUNDLE=$(cd "$BUNDLE" && pwd -P && echo .)
    BUNDLE=${BUNDLE%?.}
    if [ ! -r "$BUNDLE/words.txt" ] || [ ! -r "$BUNDLE/json.sh" ]; then
        echo "words.txt or json.sh is missing beside install.sh. Unpack the whole bundle, and run it there." >&2
        exit 2
    fi
    # At once, because the last sentence of `uninstall` is said when the file may be gone.
    WORDS=$(grep '^install[.]' "$BUNDLE/words.txt") || WORDS=
}

read_options() {
    for option in "$@"; do
        case $option,$MODE in
            uninstall,*) ACTION=uninstall ;;
            --dry-run,write | --diff,write) MODE=${option#--} ;;
            --help,* | -h,*)
                show_usage
                exit 0
                ;;
            *)
                show_usage >&2
                exit 3
                ;;
        esac
    done
}

show_usage() {
    say install.usage "sh install.sh [--dry-run | --diff]"
    say install.usage.uninstall "sh install.sh uninstall [--dry-run | --diff]"
    say install.usage.dry-run --dry-run
    say install.usage.diff --diff
}

find_home() { # OWN: the folder that is ours
    case ${HOME-} in
        /*) OWN=$HOME/.onramp ;;
        *) OWN= ;;
    esac
    if [ -z "$OWN" ] || [ ! -d "$HOME" ]; then
        say install.no-home >&2
        exit 2
    fi
}

read_bundle() {
    # shellcheck source=/dev/null # it lies beside this script, wherever that is
    . "$BUNDLE/json.sh"
    if ! json_find_reader; then
        say install.no-reader "python3, jq" >&2
        say install.no-reader.fix GUIDE.md >&2
        exit 4
    fi
    if [ "$ACTION" = install ]; then
        CONFLICTS=$(json_get "$BUNDLE/onramp.json" conflicts) || stop_for_bundle onramp.json
    fi
    if [ -f "$BUNDLE/aws-config" ]; then
        fence_of "$BUNDLE/aws-config"
        case $FENCE_FIRST$NEWLINE$FENCE_LAST in
            "# >>> onramp "*" >>>$NEWLINE# <<< onramp "*" <<<") ;;
            *) stop_for_bundle aws-config ;;
        esac
    fi
}

stop_for_bundle() {
    say install.bad-bundle "$1" >&2
    exit 2
}

make_work_folder() { # WORK: one numbered folder in it for each file treated
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    WORK=$(mktemp -d && echo .)
    WORK=${WORK%?.}
    case $WORK in
        /*) ;;
        *) WORK=./$WORK ;;
    esac
}

# shellcheck disable=SC2329 # the trap calls it
clean_up() {
    if [ "$?" -eq 1 ]; then
        say install.failed >&2
    fi
    # In this order: notes without a spare file are taken for those of a file that was replaced.
    if [ -n "$SPARED" ] && [ -e "$SPARE" ]; then
        drop_notes "$NOTES.next"
        discard "$SPARE"
    fi
    discard "$WORK"
}

# --- Sentences

say() { # key [1 [2]]: its sentence, filled in; the key itself where there is none
    sentence=$1
    # Line by line: to look for the key in the text as a whole takes some shells a tenth of a second.
    set -f
    IFS=$NEWLINE
    for line in $WORDS; do
        case $line in
            "$1: "*)
                sentence=${line#"$1: "}
                break
                ;;
        esac
    done
    unset IFS
    set +f
    fill "$sentence" "${2-}" "${3-}"
}

fill() { # sentence 1 2. In one pass: a value that holds {2} stands for itself
    rest=$1 filled=''
    while :; do
        filled=$filled${rest%%"{"*}
        case $rest in
            *"{"*) rest=${rest#*"{"} ;;
            *) break ;;
        esac
        case $rest in
            1"}"*) filled=$filled$2 rest=${rest#??} ;;
            2"}"*) filled=$filled$3 rest=${rest#??} ;;
            *) filled="$filled{" ;;
        esac
    done
    printf '%s\n' "$filled"
}

visible() { # VISIBLE: a text without the characters that a terminal would obey
    VISIBLE=$1
    case $1 in
        *[[:cntrl:]]*) VISIBLE=$(printf '%s' "$1" | tr '\001-\037\177' '?') ;;
    esac
}

refuse() { # reason [about]: the file cannot be treated, and so none will be
    REASON=$1
    REFUSED=1
    visible "${2-}"
    about=$VISIBLE
    visible "$TARGET"
    say "install.refused.$REASON" "$VISIBLE" "$about" >&2
    say "install.refused.$REASON.fix" "$VISIBLE" "$about" >&2
}

# --- What is to be done. REASON is empty as long as nothing speaks against it

plan_install() {
    OTHER_PLACE=
    if [ -f "$BUNDLE/settings.json" ]; then
        plan_file settings "${CLAUDE_CONFIG_DIR:-$HOME/.claude}/settings.json"
        OTHER_PLACE=$PLACE
    fi
    if [ -f "$BUNDLE/aws-config" ]; then
        # AWS's own tools know a ~ in this variable.
        case ${AWS_CONFIG_FILE-} in
            '') plan_file aws_config "$HOME/.aws/config" ;;
            [~]/*) plan_file aws_config "$HOME/${AWS_CONFIG_FILE#??}" ;;
            *) plan_file aws_config "$AWS_CONFIG_FILE" ;;
        esac
    fi
}

plan_file() { # kind path
    open_file "$1" "$2"
    if [ -z "$REASON" ] && [ "$PLACE" = "$OTHER_PLACE" ]; then
        refuse same-file
    fi
    if [ -z "$REASON" ]; then
        choose_base
    fi
    if [ -z "$REASON" ]; then
        merge
    fi
    if [ -n "$REASON" ]; then
        return 0
    elif ! is_same "$ITEM/new" "$ITEM/current"; then
        close_file write
    elif is_noted; then
        close_file nothing
    else
        close_file note
    fi
}

plan_uninstall() {
    for STATE in "$OWN"/state/*; do
        KEY=${STATE##*/}
        KEY=${KEY%%.*}
        if [ ! -d "$STATE" ] || [ -e "$WORK/$KEY" ]; then
            continue
        fi
        case $STATE in
            *.gone) continue ;;
            # One that had only begun may have made folders.
            *.making) [ -f "$STATE/path" ] || continue ;;
        esac
        : >"$WORK/$KEY"
        plan_removal_of "$STATE" "$KEY"
    done
}

plan_removal_of() { # folder of notes, key
    TARGET=$1
    if [ ! -f "$1/path" ]; then
        refuse bad-notes "$1"
        return 0
    fi
    read_text "$1/path"
    open_file "${2%-*-*}" "$TEXT"
    if [ "$KEY" != "$2" ]; then
        refuse bad-notes "$1"
    elif [ -z "$REASON" ]; then
        plan_removal
    fi
}

plan_removal() {
    if [ -z "$STATE" ]; then
        copy "$ITEM/current" "$ITEM/new"
        close_file forget
    elif [ ! -e "$ITEM/current" ] && [ -e "$STATE/original" ]; then
        close_file forget
    elif [ ! -e "$ITEM/current" ] || is_same "$ITEM/current" "$STATE/written" ||
        is_same "$ITEM/current" "$STATE/original"; then
        copy "$STATE/original" "$ITEM/new"
        close_file restore
    else
        unmerge "$ITEM/new"
        [ -n "$REASON" ] || close_file unmerge
    fi
}

open_file() { # kind path: what there is to know about the file before anything is decided
    COUNT=$((COUNT + 1))
    ITEM=$WORK/$COUNT
    KIND=$1 REASON='' STATE=''
    find_target "$2"
    sum=$(printf '%s' "$TARGET" | cksum)
    KEY=$KIND-${sum% *}-${sum#* }
    mkdir "$ITEM"
    find_place
    if [ -z "$REASON" ] && [ -e "$PLACE" ]; then
        cat <"$PLACE" >"$ITEM/current"
    fi
    if [ -z "$REASON" ]; then
        find_state
    fi
}

close_file() { # what is to be done with it: noted for later
    DEED=$1
    find_folders
    if [ -z "$REASON" ]; then
        printf '%s' "$TARGET" >"$ITEM/target"
        printf '%s' "$PLACE" >"$ITEM/place"
        printf '%s %s %s %s\n' "$KIND" "$KEY" "$DEED" "$FOLDERS" >"$ITEM/plan"
    fi
}

for_each_file() { # what: would or did, which tell what becomes of it; difference; install; uninstall
    number=0
    while [ "$number" -lt "$COUNT" ]; do
        number=$((number + 1))
        ITEM=$WORK/$number
        read_text "$ITEM/target"
        TARGET=$TEXT
        read_text "$ITEM/place"
        PLACE=$TEXT
        read -r KIND KEY DEED FOLDERS <"$ITEM/plan"
        NOTES=$OWN/state/$KEY
        case $1 in
            difference) show_difference ;;
            install) install_file ;;
            uninstall) uninstall_file ;;
            *) tell "$1" ;;
        esac
    done
}

read_text() { # TEXT: the whole file, newlines at its end included
    TEXT='' line=''
    while IFS= read -r line; do
        TEXT=$TEXT$line$NEWLINE
    done <"$1"
    TEXT=$TEXT$line
}

# --- The file itself, and what was noted about it

find_target() { # TARGET: the path, absolute and with single slashes
    case $1 in
        /*) TARGET=$1 ;;
        *)
            TARGET=$(pwd && echo .)
            TARGET=${TARGET%?.}/$1
            ;;
    esac
    while :; do
        case $TARGET in
            *//*) TARGET=${TARGET%%//*}/${TARGET#*//} ;;
            *) break ;;
        esac
    done
}

find_place() { # PLACE: where the path leads. Symbolic links are followed, and stay
    PLACE=$TARGET hops=0
    while [ -L "$PLACE" ] && [ "$hops" -lt 40 ]; do
        hops=$((hops + 1))
        link=$(readlink "$PLACE" && echo .)
        link=${link%?.}
        case $link in
            /*) PLACE=$link ;;
            *) PLACE=${PLACE%/*}/$link ;;
        esac
    done
    if [ "$hops" -eq 40 ] || [ -z "${PLACE##*/}" ]; then
        refuse not-a-file
    elif [ -e "$PLACE" ] && [ ! -f "$PLACE" ]; then
        refuse not-a-file
    elif [ -e "$PLACE" ] && [ ! -r "$PLACE" ]; then
        refuse not-readable
    fi
}

find_folders() { # FOLDERS: how many folders have to be made, or were made by us
    FOLDERS=0
    folder=${PLACE%/*}
    while [ -n "$folder" ] && [ ! -e "$folder" ] && [ ! -L "$folder" ]; do
        FOLDERS=$((FOLDERS + 1))
        folder=${folder%/*}
    done
    if ! is_same "$ITEM/new" "$ITEM/current" && ! is_open "${folder:-/}"; then
        refuse no-folder "${folder:-/}"
    fi
    for notes in "$NOTES.making" "$NOTES.next" "$STATE"; do
        made=0
        [ ! -f "$notes/folders" ] || read -r made <"$notes/folders"
        [ "$made" -le "$FOLDERS" ] || FOLDERS=$made
    done
}

is_open() { # folder: whether files can be made in it
    [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]
}

find_state() { # STATE: the folder of the notes that hold, or nothing. SPARE: where a new file waits to take its place
    NOTES=$OWN/state/$KEY
    SPARE=${PLACE%/*}/.onramp-$KEY
    STATE=
    if [ -d "$NOTES.next" ] && is_begun; then
        STATE=$NOTES.next
    elif [ -d "$NOTES" ]; then
        STATE=$NOTES
    elif [ -d "$NOTES.old" ]; then
        STATE=$NOTES.old
    fi
    if [ -n "$STATE" ] && ! printf '%s' "$TARGET" | cmp -s - "$STATE/path"; then
        refuse bad-notes "$STATE"
    fi
}

is_begun() { # whether an interrupted run got as far as replacing the file. A person may have edited it since
    is_same "$ITEM/current" "$NOTES.next/written" ||
        { [ ! -e "$SPARE" ] && ! is_same "$ITEM/current" "$NOTES.next/before"; }
}

is_noted() { # whether the notes say already what a run now would write into them
    [ -n "$STATE" ] && is_same "$STATE/written" "$ITEM/new" && is_same "$STATE/original" "$ITEM/base" &&
        is_same "$STATE/$(source_of "$KIND")" "$BUNDLE/$(source_of "$KIND")"
}

source_of() { # kind: the file of the bundle that says what is to be in it
    case $1 in
        settings) echo onramp.json ;;
        *) echo aws-config ;;
    esac
}

choose_base() { # base: the file as it would be without us
    if [ -z "$STATE" ] || [ ! -e "$ITEM/current" ]; then
        copy "$ITEM/current" "$ITEM/base"
    elif is_same "$ITEM/current" "$STATE/written"; then
        copy "$STATE/original" "$ITEM/base"
    elif is_same "$ITEM/current" "$STATE/original"; then
        copy "$ITEM/current" "$ITEM/base"
    else
        unmerge "$ITEM/base"
    fi
}

merge() { # base and what the bundle wants, to new
    case $KIND in
        settings) merge_settings ;;
        *) merge_aws_config ;;
    esac
}

unmerge() { # current without what is ours, to a file; to none, where nothing is left of a file that we made
    case $KIND in
        settings) unmerge_settings "$1" ;;
        *) unmerge_aws_config "$1" ;;
    esac
}

is_same() { # two files, of which each may be missing
    if [ -e "$1" ] && [ -e "$2" ]; then
        cmp -s "$1" "$2"
    else
        [ ! -e "$1" ] && [ ! -e "$2" ]
    fi
}

copy() { # from to: nothing, where there is nothing
    [ ! -e "$1" ] || cat <"$1" >"$2"
}

discard() { # files and folders of ours, which need not be there
    for unwanted in "$@"; do
        if [ -e "$unwanted" ] || [ -L "$unwanted" ]; then
            rm -rf "$unwanted"
        fi
    done
}

# --- settings.json

merge_settings() {
    if json_merge "$ITEM/base" "$BUNDLE/onramp.json" >"$ITEM/new" 2>"$ITEM/why"; then
        return 0
    elif [ "$?" -eq 3 ]; then
        refuse json-key "$(head -n 1 "$ITEM/why")"
    else
        refuse not-json "$JSON_READER"
    fi
}

unmerge_settings() { # to
    if ! json_unmerge "$ITEM/current" "$STATE/original" "$STATE/onramp.json" >"$1" 2>/dev/null; then
        refuse not-json "$JSON_READER"
    elif [ ! -e "$STATE/original" ] && [ "$(cat "$1")" = '{}' ]; then
        rm "$1"
    fi
}

# --- The AWS configuration: our part is fenced by its first and its last line. Other lines keep their bytes

merge_aws_config() {
    if [ ! -e "$ITEM/base" ]; then
        : >"$ITEM/rest"
    elif ini_is_readable "$ITEM/base"; then
        ini_without "$ITEM/base" "$BUNDLE/aws-config" >"$ITEM/rest"
    else
        refuse not-ini
        return 0
    fi
    ini_headings <"$BUNDLE/aws-config" >"$ITEM/ours"
    ini_headings <"$ITEM/rest" >"$ITEM/theirs"
    if twice=$(grep -F -x -f "$ITEM/ours" "$ITEM/theirs"); then
        refuse section "[${twice%%"$NEWLINE"*}]"
    else
        ini_append "$ITEM/rest" "$BUNDLE/aws-config" >"$ITEM/new"
    fi
}

unmerge_aws_config() { # to
    if ! ini_is_readable "$ITEM/current"; then
        refuse not-ini
        return 0
    fi
    ini_without "$ITEM/current" "$STATE/aws-config" >"$1"
    if [ ! -e "$STATE/original" ] && [ ! -s "$1" ]; then
        rm "$1"
    fi
}

ini_append() { # file, our part
    cat <"$1"
    if [ -s "$1" ]; then
        # $(...) loses a newline at the end, and so shows whether there is one.
        [ -z "$(tail -c 1 <"$1")" ] || echo
        echo
    fi
    cat <"$2"
}

ini_is_readable() { # file: whether AWS's tools would read it too. They end lines at a lone carriage return
    # Octal, so that a NUL byte is three digits among others.
    ! od -A n -v -t o1 <"$1" | grep -q ' 000' || return 1
    tr '\015' '\012' <"$1" | awk '
        function fence(before, after) {
            if (substr($0, 1, length(before)) != before || $0 !~ after)
                return ""
            return "x" substr($0, length(before) + 1, length($0) - length(before) - 4)
        }
        (name = fence("# >>> onramp ", " >>>$")) {
            if (open) bad = 1
            open = name
        }
        (name = fence("# <<< onramp ", " <<<$")) {
            if (open != name) bad = 1
            open = ""
        }
        /^[ \t\v\f]*([#;].*)?$/ { next }
        /^[ \t]/ && key { next }
        /^[ \t]*\[[^]]+\][ \t]*([#;].*)?$/ {
            section = 1
            key = 0
            next
        }
        section && /^[ \t]*[^ \t=\[][^=]*=/ {
            key = 1
            next
        }
        { bad = 1 }
        END { exit bad || open != "" }'
}

fence_of() { # our part: FENCE_FIRST, FENCE_LAST
    FENCE_FIRST=$(sed -n 1p <"$1")
    FENCE_LAST=$(sed -n '$p' <"$1")
}

ini_without() { # file, our part: the file without the part of that name, and without the blank line before it
    fence_of "$2"
    part=$(FENCE_FIRST=$FENCE_FIRST FENCE_LAST=$FENCE_LAST awk '
        { sub(/\r$/, "") }
        !from && $0 == ENVIRON["FENCE_FIRST"] { from = NR > 1 && last == "" ? NR - 1 : NR }
        from && !to && $0 == ENVIRON["FENCE_LAST"] { to = NR }
        { last = $0 }
        END { if (to) print from, to }' <"$1")
    if [ -z "$part" ]; then
        cat <"$1"
        return
    fi
    # Not `head`, which refuses to print no line at all on some systems.
    [ "${part% *}" -eq 1 ] || sed -n "1,$((${part% *} - 1))p" <"$1"
    tail -n "+$((${part#* } + 1))" <"$1"
}

ini_headings() { # of standard input, without what AWS's tools overlook: [profile "x"] is [profile x]
    tr '\015' '\012' | tr -d "\"'" | sed -n 's/^[[:space:]]*\[[[:space:]]*\([^]]*\)\].*/\1/p' |
        sed -e 's/[[:space:]][[:space:]]*/ /g' -e 's/ $//'
}

# --- Telling

tell() { # would | did
    outcome_of_plan
    visible "$TARGET"
    say "install.$1.$OUTCOME" "$VISIBLE"
}

outcome_of_plan() {
    if [ "$DEED" = nothing ] || [ "$DEED" = note ] || [ "$DEED" = forget ] ||
        is_same "$ITEM/new" "$ITEM/current"; then
        OUTCOME=stay
    elif [ ! -e "$ITEM/current" ]; then
        OUTCOME=create
    elif [ ! -e "$ITEM/new" ]; then
        OUTCOME=remove
    elif [ "$DEED" = write ]; then
        OUTCOME=change
    else
        OUTCOME=$DEED
    fi
}

show_difference() {
    outcome_of_plan
    if [ "$OUTCOME" = stay ]; then
        return 0
    fi
    visible "$TARGET"
    old=$ITEM/current old_name=$VISIBLE new=$ITEM/new new_name=$VISIBLE
    [ -e "$old" ] || old=/dev/null old_name=/dev/null
    [ -e "$new" ] || new=/dev/null new_name=/dev/null
    diff -u -L "$old_name" -L "$new_name" "$old" "$new" || [ "$?" -eq 1 ]
}

tell_next_steps() {
    if [ -n "$BACKUP" ]; then
        visible "$BACKUP"
        say install.backup "$VISIBLE"
    fi
    # awk, because its table of the environment cannot be misled by values with newlines, as the lines of env can.
    names=$(printf '%s\n' "$CONFLICTS" |
        awk '/^[A-Z0-9_]+$/ && ($0 in ENVIRON) { printf "%s%s", comma, $0; comma = ", " }')
    if [ -n "$names" ]; then
        say install.conflicts "$names"
        say install.conflicts.fix "$names"
    fi
    visible "$(json_get "$BUNDLE/onramp.json" login_command)"
    [ -z "$VISIBLE" ] || say install.next.sign-in "$VISIBLE"
    # shellcheck disable=SC2088 # for people to type
    for step in "start claude" "doctor sh ~/.onramp/bundle/doctor.sh" \
        "uninstall sh ~/.onramp/bundle/install.sh uninstall"; do
        say "install.next.${step%% *}" "${step#* }"
    done
}

# --- Doing it. An interruption at any point loses nothing: the next run finds out how far this one came

install_files() {
    mkdir -p "$OWN/state" "$OWN/bundle"
    # It may have been there before, for something else.
    chmod 700 "$OWN"
    keep_bundle
    for_each_file install
    for_each_file did
    tell_next_steps
}

keep_bundle() { # what is needed when the folder of the download is gone. Each file is there at any time, old or new
    for name in install.sh doctor.sh json.sh words.txt onramp.json settings.json aws-config GUIDE.md \
        aws-keys.sh aws-keys.fish bedrock-key.sh; do
        if [ ! -f "$BUNDLE/$name" ]; then
            discard "$OWN/bundle/$name"
        elif ! is_same "$BUNDLE/$name" "$OWN/bundle/$name"; then
            cp "$BUNDLE/$name" "$OWN/bundle/.new"
            mv -f "$OWN/bundle/.new" "$OWN/bundle/$name"
        fi
    done
    discard "$OWN/bundle/.new"
}

install_file() {
    settle
    if [ "$DEED" = nothing ]; then
        return 0
    fi
    note
    if [ "$DEED" = write ]; then
        back_up
        make_spare
        flush "$NOTES.making"/* "$SPARE"
        mv "$NOTES.making" "$NOTES.next"
        put_spare
    else
        flush "$NOTES.making"/*
        mv "$NOTES.making" "$NOTES.next"
    fi
    replace_notes
}

uninstall_files() {
    KEEP=
    for_each_file uninstall
    for_each_file did
    discard "$OWN/state"
    if [ -z "$KEEP" ]; then
        discard "$OWN/backup"
    fi
    discard "$OWN/bundle"
    # It may hold what is not ours.
    rmdir "$OWN" 2>/dev/null || :
    [ "$COUNT" -gt 0 ] || say install.not-installed
    if [ -n "$BACKUP" ]; then
        visible "$BACKUP"
        say install.backup "$VISIBLE"
    fi
}

uninstall_file() {
    settle
    if [ "$DEED" = unmerge ]; then
        KEEP=1
        back_up
    fi
    if [ "$DEED" = forget ] || is_same "$ITEM/new" "$ITEM/current"; then
        :
    elif [ -e "$ITEM/new" ]; then
        make_spare
        flush "$SPARE"
        put_spare
    else
        stop_if_changed
        rm -f "$PLACE"
    fi
    [ -e "$PLACE" ] || remove_folders
    drop_notes "$NOTES"
}

settle() { # after an interrupted run: its notes hold, or they go
    find_state
    if [ "$STATE" = "$NOTES.next" ]; then
        replace_notes
    elif [ "$STATE" = "$NOTES.old" ]; then
        mv "$NOTES.old" "$NOTES"
    fi
    drop_notes "$NOTES.next"
    discard "$SPARE" "$NOTES.making" "$NOTES.gone" "$NOTES.old"
}

note() { # the notes that will hold once the file is written
    mkdir "$NOTES.making"
    printf '%s' "$TARGET" >"$NOTES.making/path"
    echo "$FOLDERS" >"$NOTES.making/folders"
    copy "$ITEM/current" "$NOTES.making/before"
    copy "$ITEM/base" "$NOTES.making/original"
    copy "$ITEM/new" "$NOTES.making/written"
    copy "$BUNDLE/$(source_of "$KIND")" "$NOTES.making/$(source_of "$KIND")"
}

replace_notes() {
    if [ -d "$NOTES" ]; then
        discard "$NOTES.old"
        mv "$NOTES" "$NOTES.old"
    fi
    mv "$NOTES.next" "$NOTES"
    discard "$NOTES.old"
}

drop_notes() { # folder: whole or not at all
    if [ -d "$1" ]; then
        mv "$1" "$NOTES.gone"
        discard "$NOTES.gone"
    fi
}

back_up() { # BACKUP: the folder of this run
    [ -e "$ITEM/current" ] || return 0
    if [ -z "$BACKUP" ]; then
        moment=$OWN/backup/$(date -u +%Y%m%dT%H%M%SZ)
        BACKUP=$moment number_of_run=1
        while [ -e "$BACKUP" ]; do
            number_of_run=$((number_of_run + 1))
            BACKUP=$moment-$number_of_run
        done
        mkdir -p "$BACKUP"
    fi
    copy "$ITEM/current" "$BACKUP/$KEY"
}

make_spare() { # the new file beside the old one, with the mode that is there
    SPARED=1
    mkdir -p "${PLACE%/*}/"
    if [ ! -e "$PLACE" ]; then
        cat <"$ITEM/new" >"$SPARE"
    else
        # Without stat, which is another program on every system: a copy has the mode, and gets another content.
        cp -p "$PLACE" "$SPARE"
        writable=$(if [ -w "$SPARE" ]; then echo yes; fi)
        [ -n "$writable" ] || chmod u+w "$SPARE"
        cat <"$ITEM/new" >"$SPARE"
        [ -n "$writable" ] || chmod u-w "$SPARE"
    fi
}

put_spare() { # in its place at one stroke
    stop_if_changed
    mv -f "$SPARE" "$PLACE"
    SPARED=
}

stop_if_changed() { # by another program, since we looked
    if ! is_same "$PLACE" "$ITEM/current"; then
        visible "$TARGET"
        say install.changed-meanwhile "$VISIBLE" >&2
        exit 1
    fi
}

remove_folders() { # those that we made, as long as they are empty
    folder=${PLACE%/*}
    while [ "$FOLDERS" -gt 0 ] && rmdir "$folder" 2>/dev/null; do
        FOLDERS=$((FOLDERS - 1))
        folder=${folder%/*}
    done
}

flush() { # files, to the disk, as well as this system can
    if [ "$JSON_READER" = python3 ]; then
        python3 -I -S -c '
import os, sys
for name in sys.argv[1:]:
    file = os.open(name, os.O_RDONLY)
    os.fsync(file)
    os.close(file)
' "$@"
        return
    fi
    for name in "$@"; do
        if ! dd if=/dev/null of="$name" conv=notrunc,fsync 2>/dev/null; then
            sync
            return
        fi
    done
}

{ main "$@"; exit; }
