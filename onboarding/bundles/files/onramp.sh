#!/bin/sh
# Onramp in one line: fetches this person's bundle from the portal with a one-time code, and runs its installer.
#
#   sh onramp.sh https://onramp.acme.example [--dry-run | --diff] [--yes]
#
# The same for everyone. Its few sentences are here, because the bundle with the others has yet to be fetched.
# What it fetched is gone when it ends; what stays on the machine is the installer's doing, and undone by it.

main() {
    set -u
    umask 077
    PORTAL='' PROTOCOL='' PREVIEW='' YES='' WORK='' TERMINAL=''
    read_options "$@"
    find_programs
    prepare
    read_code
    fetch
    unpack
    verify
    install_bundle
}

# --- Sentences

say() { # key [what it is about]
    case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in
        es*) spanish "$@" ;;
        *) english "$@" ;;
    esac
}

english() {
    case $1 in
        usage) echo "Usage: sh onramp.sh https://THE-PORTAL [--dry-run | --diff] [--yes]" ;;
        not-https) echo "The portal's address must begin with https://. This one does not: $2" ;;
        needs) echo "This needs $2, which is not installed. Install it, or download the bundle in a browser." ;;
        no-folder) echo "A private temporary folder could not be made. Set TMPDIR to a folder of yours." ;;
        code) echo "The one-time code from the portal (it is not shown as you type):" ;;
        no-code) echo "No code was given. The portal shows one beside the line that you copied." ;;
        code-refused) echo "The portal does not take this code: it is unknown, used or expired. Get a new one there." ;;
        not-verified) echo "Your access is not verified at the moment; the portal says why. The code is still good." ;;
        too-often) echo "The portal has been asked too often. Wait a minute and try again with a new code." ;;
        moved) echo "The portal sends elsewhere (it answered $2). Copy the whole line from the portal again." ;;
        refused) echo "The portal did not hand out the bundle (it answered $2). Get a new code there and try again." ;;
        broken) echo "The portal has a problem of its own (it answered $2). Try again later with a new code." ;;
        too-late) echo "The portal did not answer in time. Whether the code is used up is not known: get a new one." ;;
        no-answer) echo "The portal could not be reached: $2" ;;
        no-bundle) echo "What came is not a bundle of Onramp. Nothing was installed." ;;
        unsafe) echo "The bundle holds a name that does not belong in one. Nothing was installed. Tell your admins." ;;
        damaged) echo "The files of the bundle do not fit their checksums. Nothing was installed. Try a new code." ;;
        ask) echo "Install this? [y/N]" ;;
        declined) echo "Nothing was installed. The code is used up: get a new one for the next time." ;;
    esac
}

spanish() {
    case $1 in
        usage) echo "Uso: sh onramp.sh https://EL-PORTAL [--dry-run | --diff] [--yes]" ;;
        not-https) echo "La dirección del portal debe empezar por https://. Esta no empieza así: $2" ;;
        needs) echo "Hace falta $2, que no está instalado. Instálalo o descarga el paquete con un navegador." ;;
        no-folder) echo "No se pudo crear una carpeta temporal privada. Pon en TMPDIR una carpeta tuya." ;;
        code) echo "El código de un solo uso del portal (no se muestra al escribirlo):" ;;
        no-code) echo "No se dio ningún código. El portal muestra uno junto a la línea que copiaste." ;;
        code-refused) echo "El portal no acepta este código: es desconocido, ya se usó o caducó. Pide allí uno nuevo." ;;
        not-verified) echo "Tu acceso no está verificado en este momento; el portal dice por qué. El código aún vale." ;;
        too-often) echo "Se ha preguntado al portal demasiadas veces. Espera un minuto y prueba con un código nuevo." ;;
        moved) echo "El portal envía a otro sitio (respondió $2). Copia de nuevo la línea completa del portal." ;;
        refused) echo "El portal no entregó el paquete (respondió $2). Pide allí un código nuevo y prueba otra vez." ;;
        broken) echo "El portal tiene un problema propio (respondió $2). Prueba más tarde con un código nuevo." ;;
        too-late) echo "El portal no respondió a tiempo. No se sabe si el código quedó usado: pide uno nuevo." ;;
        no-answer) echo "No se pudo llegar al portal: $2" ;;
        no-bundle) echo "Lo que llegó no es un paquete de Onramp. No se instaló nada." ;;
        unsafe) echo "El paquete contiene un nombre que no debe estar ahí. No se instaló nada. Avisa a tus admins." ;;
        damaged) echo "Los archivos no coinciden con sus sumas. No se instaló nada. Prueba con un código nuevo." ;;
        ask) echo "¿Instalar esto? [s/N]" ;;
        declined) echo "No se instaló nada. El código ya está usado: pide uno nuevo para la próxima vez." ;;
    esac
}

stop() { # exit status, key [what it is about]
    ended=$1
    shift
    say "$@" >&2
    exit "$ended"
}

plain() { printf '%s' "$1" | LC_ALL=C tr -c ' -~' '?' | LC_ALL=C cut -c 1-200; }

# --- Before anything is asked

read_options() {
    for option in "$@"; do
        case $option in
            --help | -h) say usage && exit 0 ;;
            --dry-run | --diff) PREVIEW="$PREVIEW $option" ;;
            --yes) YES=1 ;;
            -*) stop 3 usage ;;
            *)
                [ -z "$PORTAL" ] || stop 3 usage
                PORTAL=${option%/}
                ;;
        esac
    done
    [ -n "$PORTAL" ] || stop 3 usage
    read_protocol
}

read_protocol() { # without https everybody on the way could read the code; this machine itself is not on the way
    case $PORTAL in
        # A @ would make of http://localhost:8000@elsewhere a name and password for elsewhere.
        *[!A-Za-z0-9.:/_~-]*) ;;
        https://[A-Za-z0-9]*) PROTOCOL='=https' ;;
        http://localhost | http://localhost[:/]* | http://127.0.0.1 | http://127.0.0.1[:/]*) PROTOCOL='=http' ;;
    esac
    [ -n "$PROTOCOL" ] || stop 3 not-https "$(plain "$PORTAL")"
}

find_programs() { # before the code is spent
    for program in curl tar find awk; do
        has "$program" || stop 2 needs "$program"
    done
    if has sha256sum; then
        SUMS=sha256sum
    elif has shasum; then
        SUMS='shasum -a 256'
    else
        stop 2 needs 'sha256sum / shasum'
    fi
}

has() { command -v "$1" >/dev/null 2>&1; }

prepare() {
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap clean_up EXIT
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/onramp.XXXXXX") || stop 2 no-folder
}

# shellcheck disable=SC2329
clean_up() { # at every end, by a trap
    [ -z "$TERMINAL" ] || stty "$TERMINAL"
    [ -z "$WORK" ] || rm -rf -- "$WORK"
}

# --- The bundle

read_code() { # CODE: typed, which is not shown, or one line of standard input
    CODE=
    if [ -t 0 ]; then
        TERMINAL=$(stty -g)
        stty -echo
        printf '%s ' "$(say code)" >&2
        IFS= read -r CODE || :
        stty "$TERMINAL"
        TERMINAL=
        echo >&2
    else
        IFS= read -r CODE || :
    fi
    CODE=$(printf '%s' "$CODE" | tr -d '[:space:]')
    [ -n "$CODE" ] || stop 2 no-code
}

fetch() {
    answer=$(post_code) || told=$?
    case ${told:-0} in
        0) ;;
        28) stop 1 too-late ;;
        *) stop 1 no-answer "$(plain "$(head -n 1 "$WORK/curl")")" ;;
    esac
    case $answer in
        200) ;;
        404 | 410) stop 1 code-refused ;;
        409) stop 1 not-verified ;;
        429) stop 1 too-often ;;
        3??) stop 1 moved "HTTP $answer" ;;
        5??) stop 1 broken "HTTP $answer" ;;
        *) stop 1 refused "HTTP $answer" ;;
    esac
}

post_code() { # the status that the portal answered. By standard input, because everybody sees a program's arguments
    # -q: a .curlrc could follow redirects or write a trace, and with it the code.
    printf '%s' "$CODE" |
        curl -q -sS -g --proto "$PROTOCOL" --max-redirs 0 --connect-timeout 15 --max-time "${ONRAMP_SECONDS:-120}" \
            --max-filesize 20000000 -H 'Content-Type: text/plain' --data-binary @- \
            -o "$WORK/bundle.tar" -w '%{http_code}' "$PORTAL/install/bundle/?format=tar" 2>"$WORK/curl"
}

unpack() { # FOLDER: where the bundle is. Looked at before it is unpacked, so that nothing lands anywhere else
    tar -tf "$WORK/bundle.tar" >"$WORK/names" 2>/dev/null && [ -s "$WORK/names" ] || stop 2 no-bundle
    tar -tvf "$WORK/bundle.tar" >"$WORK/members" 2>/dev/null || stop 2 no-bundle
    LC_ALL=C awk '
        !/^[A-Za-z0-9._\/-]+$/ || /^[\/-]/ || /(^|\/)[.][.](\/|$)/ { bad = 1 }
        END { exit bad }' "$WORK/names" || stop 2 unsafe
    # Files and folders only. Names have no spaces, so these two can only come from a link.
    LC_ALL=C awk '!/^[-d]/ || / -> / || / link to / { bad = 1 } END { exit bad }' "$WORK/members" || stop 2 unsafe
    mkdir "$WORK/bundle"
    tar -xof "$WORK/bundle.tar" -C "$WORK/bundle" 2>/dev/null || stop 2 no-bundle
    for FOLDER in "$WORK/bundle" "$WORK"/bundle/*; do
        [ ! -f "$FOLDER/SHA256SUMS" ] || return 0
    done
    stop 2 no-bundle
}

verify() { # every file has its checksum and every checksum its file, or the two lists differ
    listed <"$FOLDER/SHA256SUMS" >"$WORK/wanted"
    # shellcheck disable=SC2086
    (cd -- "$FOLDER" && find . -type f ! -path ./SHA256SUMS -exec $SUMS {} +) | listed >"$WORK/found"
    cmp -s "$WORK/wanted" "$WORK/found" || stop 2 damaged
    [ -f "$FOLDER/install.sh" ] || stop 2 no-bundle
}

listed() { # lines of sha256sum: without its marks, in one order
    LC_ALL=C awk '{ sub(/^[*]/, "", $2); sub(/^[.]\//, "", $2); print tolower($1), $2, NF }' | LC_ALL=C sort
}

install_bundle() { # at a terminal it is shown first what would be done; who gave the code otherwise has decided
    if [ -n "$PREVIEW" ]; then
        # shellcheck disable=SC2086
        sh "$FOLDER/install.sh" $PREVIEW
        return
    fi
    if [ -z "$YES" ] && [ -t 0 ]; then
        sh "$FOLDER/install.sh" --dry-run || return
        if ! agreed; then
            say declined
            return 0
        fi
    fi
    sh "$FOLDER/install.sh"
}

agreed() {
    printf '%s ' "$(say ask)"
    IFS= read -r answer || answer=
    case $answer in
        [yY] | [yY][eE][sS] | [sS] | [sS]í | [sS][iI]) return 0 ;;
    esac
    return 1
}

{ main "$@"; exit; }
