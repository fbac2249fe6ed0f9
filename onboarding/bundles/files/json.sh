# shellcheck shell=sh
# Strict JSON (RFC 8259) for install.sh and doctor.sh, which read this file. Functions only.
#
# A shell cannot read JSON, so a program does that is on the machine already: python3, jq, or, on a Mac, JavaScript for
# Automation. The programs are constant text; values reach them as files and arguments. Python and JavaScript keep
# numbers as they are spelled; jq cannot, and is not shown what it would lose.

json_find_reader() { # JSON_READER: the first that works. ONRAMP_JSON_READER names the only one to be tried
    JSON_READER=
    for json_candidate in "${ONRAMP_JSON_READER:-python3}" "${ONRAMP_JSON_READER:-jq}" "${ONRAMP_JSON_READER:-jxa}"; do
        if json_works "$json_candidate"; then
            JSON_READER=$json_candidate
            return 0
        fi
    done
    return 1
}

json_works() {
    case $1 in
        # The oldest whose objects keep the order of their keys.
        python3) json_is_no_stub && python3 -I -S -c 'import sys; sys.exit(sys.version_info < (3, 6))' ;;
        # The oldest with halt_error, and the oldest that prints 1.1 as 1.1.
        jq) jq -n '"" | halt_error(0)' ;;
        jxa) command -v osascript ;;
        *) return 1 ;;
    esac >/dev/null 2>&1
}

json_is_no_stub() { # on a Mac without the developer tools, /usr/bin/python3 opens a window that offers to install them
    case $(command -v python3) in
        '') return 1 ;;
        /usr/bin/python3) [ "$(uname -s)" != Darwin ] || xcode-select -p ;;
    esac
}

# --- What install.sh and doctor.sh ask for. A file that is not there is {} in the last three; status 1: no JSON object

json_get() { # file key: a string or number of the object; a list of strings one a line; nothing where there is none
    json_is_fit "$1" && json_run get "$1" "$2"
}

json_check() { # file: whether it holds a JSON object
    [ -e "$1" ] && json_is_fit "$1" && json_run check "$1"
}

json_merge() { # file onramp.json: the file with our edits. Status 3: the key on standard error stands in their way
    [ -e "$1" ] || set -- '' "$2"
    json_is_fit "$1" && json_run merge "$@"
}

json_unmerge() { # file, the file as it was before us, the onramp.json applied: the file without our edits
    [ -e "$1" ] || set -- '' "$2" "$3"
    [ -e "$2" ] || set -- "$1" '' "$3"
    json_is_fit "$1" && json_is_fit "$2" && json_run unmerge "$@"
}

json_differences() { # file onramp.json: the paths, joined by dots, of the edits that do not stand in the file
    [ -e "$1" ] || set -- '' "$2"
    json_is_fit "$1" && json_run differences "$@"
}

json_string() { # standard input, as a JSON string. Status 1: it is no UTF-8
    if [ "$JSON_READER" = jq ]; then
        json_input=$(cat && printf .)
        printf '%s' "${json_input%.}" | json_is_utf8 && printf '%s' "${json_input%.}" | jq -R -s .
    else
        json_run string
    fi
}

json_run() {
    case $JSON_READER in
        python3) json_python "$@" ;;
        jq) json_jq "$@" ;;
        jxa) osascript -l JavaScript -e "$(json_javascript && json_javascript_on_macos)" "$@" ;;
    esac
}

# --- What jq and JavaScript would take in spite of everything

json_is_fit() { # file
    if [ -z "$1" ] || [ "$JSON_READER" = python3 ]; then
        return 0
    fi
    json_is_utf8 <"$1" || return 1
    [ "$JSON_READER" != jq ] || json_is_strict "$1"
}

json_is_utf8() { # on standard input. By its numbers: iconv takes more than there is, or is not there
    od -A n -v -t u1 | awk '{
        for (at = 1; at <= NF; at++) {
            if (more) {
                if ($at < least || $at > most) bad = 1
                more--
            } else if ($at >= 128) {
                if ($at < 194 || $at > 244) bad = 1
                more = $at < 224 ? 1 : $at < 240 ? 2 : 3
                least = $at == 224 ? 160 : $at == 240 ? 144 : 128
                most = $at == 237 ? 159 : $at == 244 ? 143 : 191
                continue
            }
            least = 128
            most = 191
        }
    }
    END { exit bad || more }'
}

json_is_strict() { # file. jq reads it afterwards: here is only what jq lets pass
    LC_ALL=C tr -d '\011\012\015\040-\377' <"$1" | cmp -s - /dev/null || return 1
    json_without_strings <"$1" | LC_ALL=C awk '
        function is_kept(number,    power, fraction, top) { # by a double: 15 digits are, and whole numbers to 2^53
            sub(/^-/, "", number)
            if (match(number, /[eE]/)) {
                power = substr(number, RSTART + 1) + 0
                number = substr(number, 1, RSTART - 1)
            }
            fraction = index(number, ".") ? length(number) - index(number, ".") : 0
            sub(/[.]/, "", number)
            sub(/^0+/, "", number)
            top = length(number) + power - fraction
            if (length(number) == 16 && !fraction && !power)
                return number + 0 < 9007199254740992
            sub(/0+$/, "", number)
            return number == "" || (length(number) <= 15 && top > -300 && top < 300)
        }
        function is_token(word) {
            if (word ~ /^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$/)
                return is_kept(word)
            return word ~ /^([][{}:,S]|true|false|null)$/
        }
        {
            gsub(/\r/, " ")
            gsub(/[][{}:,]/, " & ")
            for (at = 1; at <= NF; at++)
                if (!is_token($at))
                    bad = 1
            tokens += NF
        }
        END { exit bad || !tokens }'
}

json_without_strings() { # S for each string. An escaped half of a pair of surrogates stays: jq has no such character
    json_mark=$(printf '\357\273\277')
    json_breaks=$(printf '\t\r')
    LC_ALL=C sed -E -e "1s/^$json_mark//" -e 's/\\\\/_/g' -e 's/\\["\/bfnrt]/_/g' \
        -e 's/\\u[Dd][89ABab][[:xdigit:]]{2}\\u[Dd][C-Fc-f][[:xdigit:]]{2}/_/g' \
        -e 's/\\u([0-9A-Ca-cEFef][[:xdigit:]]|[Dd][0-7])[[:xdigit:]]{2}/_/g' \
        -e "s/\"[^\"\\\\$json_breaks]*\"/ S /g"
}

# --- python3

json_python() { # -I and -S: a json.py in this folder is not Python's
    python3 -I -S -c '
import json, re, sys


ABSENT = object()


class Number:
    """Keeps its spelling; 1, 1.0 and 10e-1 are equal."""

    def __init__(self, spelling):
        if abs(float(spelling)) == float("inf"):
            raise ValueError
        self.spelling = spelling
        digits, _, power = spelling.lower().partition("e")
        whole, _, fraction = digits.partition(".")
        digits = (whole + fraction).lstrip("-0")
        kept = digits.rstrip("0")
        power = int(power or 0) - len(fraction) + len(digits) - len(kept)
        self.value = (spelling[0] == "-", kept, power) if kept else None

    def __eq__(self, other):
        return isinstance(other, Number) and self.value == other.value


def refuse_constant(name):
    raise ValueError(name)


def read(name):
    if not name:
        return {}
    with open(name, "rb") as file:
        content = file.read()
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    value = json.loads(
        content.decode("utf-8"), parse_int=Number, parse_float=Number, parse_constant=refuse_constant
    )
    if not isinstance(value, dict):
        raise ValueError
    return value


def text(value, line="\n"):
    deeper = line + "  "
    if isinstance(value, Number):
        return value.spelling
    if isinstance(value, str):
        # Half of a surrogate pair has no UTF-8; it goes back to the escape it must have come from.
        quoted = json.dumps(value, ensure_ascii=False)
        return re.sub("[\ud800-\udfff]", lambda half: "\\u%04x" % ord(half.group()), quoted)
    if isinstance(value, dict) and value:
        members = [text(key) + ": " + text(member, deeper) for key, member in value.items()]
        return "{" + deeper + ("," + deeper).join(members) + line + "}"
    if isinstance(value, list) and value:
        return "[" + deeper + ("," + deeper).join(text(item, deeper) for item in value) + line + "]"
    return json.dumps(value)


def at(value, path):
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return ABSENT
        value = value[key]
    return value


def refuse_key(path):
    sys.stderr.buffer.write((".".join(path) + "\n").encode("utf-8"))
    sys.exit(3)


def merge(base, edits):
    for edit in edits:
        path, holder = edit["path"], base
        for depth, key in enumerate(path[:-1], 1):
            holder = holder.setdefault(key, {})
            if not isinstance(holder, dict):
                refuse_key(path[:depth])
        if "value" in edit:
            holder[path[-1]] = edit["value"]
            continue
        items = holder.setdefault(path[-1], [])
        if not isinstance(items, list):
            refuse_key(path)
        for item in edit["add"]:
            if item not in items:
                items.append(item)
    return base


def remove(current, original, path):
    del at(current, path[:-1])[path[-1]]
    above = path[:-1]
    if above and not at(current, above) and at(original, above) is ABSENT:
        remove(current, original, above)


def unmerge(current, original, spare, edits):
    # The last first: an edit may stand inside what an earlier one set. What goes back is taken from a second copy of
    # the original, so that the first still shows how it was.
    for edit in reversed(edits):
        path = edit["path"]
        now, before = at(current, path), at(original, path)
        if "value" in edit and now == edit["value"]:
            if before is ABSENT:
                remove(current, original, path)
            else:
                at(current, path[:-1])[path[-1]] = at(spare, path)
        elif "add" in edit and isinstance(now, list):
            theirs = before if isinstance(before, list) else []
            now[:] = [item for item in now if item in theirs or item not in edit["add"]]
            if not now and before is ABSENT:
                remove(current, original, path)
    return current


def stands(base, edit):
    now = at(base, edit["path"])
    if "value" in edit:
        return now == edit["value"]
    return isinstance(now, list) and all(item in now for item in edit["add"])


def lines(value):
    if isinstance(value, Number):
        return [value.spelling]
    return [line for line in (value if isinstance(value, list) else [value]) if isinstance(line, str)]


def answer(mode, names):
    if mode == "string":
        return text(sys.stdin.buffer.read().decode("utf-8")) + "\n"
    file = read(names[0])
    if mode == "get":
        return "".join(line + "\n" for line in lines(file.get(names[1])))
    if mode == "check":
        # What is nested too deep to be written is none that we can treat.
        return text(file) and ""
    edits = read(names[-1])["edits"]
    if mode == "merge":
        return text(merge(file, edits)) + "\n"
    if mode == "unmerge":
        return text(unmerge(file, read(names[1]), read(names[1]), edits)) + "\n"
    return "".join(".".join(edit["path"]) + "\n" for edit in edits if not stands(file, edit))


try:
    sys.stdout.buffer.write(answer(sys.argv[1], sys.argv[2:]).encode("utf-8", "replace"))
except (LookupError, OSError, RecursionError, TypeError, ValueError):
    sys.exit(1)
' "$@"
}

# --- jq

json_jq() {
    case $1 in
        get) set -- "$1" "$2" '' '' "$3" ;;
        check) set -- "$1" "$2" '' '' '' ;;
        unmerge) set -- "$1" "$2" "$3" "$4" '' ;;
        merge | differences) set -- "$1" "$2" '' "$3" '' ;;
    esac
    # Of an empty file jq makes no value. json_is_strict lets none pass: it stands for what is not there.
    jq -n -r --arg mode "$1" --slurpfile file "${2:-/dev/null}" --slurpfile before "${3:-/dev/null}" \
        --slurpfile bundle "${4:-/dev/null}" --arg key "$5" '
        def object:
            if length == 0 then {}
            elif length == 1 and (.[0] | type) == "object" then .[0]
            else error("no object") end;

        def known($path):
            ($path | length) == 0
            or (type == "object" and has($path[0]) and (.[$path[0]] | known($path[1:])));

        def is_list_at($path): known($path) and (getpath($path) | type) == "array";

        def has_item($item): any(.[]; . == $item);

        def refuse_key($path): ($path | join(".")) + "\n" | halt_error(3);

        def merge($edits):
            reduce $edits[] as $edit (.;
                $edit.path as $path
                | reduce range(1; $path | length) as $depth (.;
                    if known($path[:$depth]) and (getpath($path[:$depth]) | type) != "object"
                    then refuse_key($path[:$depth]) else . end)
                | if $edit | has("value") then setpath($path; $edit.value)
                  elif known($path) and (is_list_at($path) | not) then refuse_key($path)
                  else setpath($path; reduce $edit.add[] as $item (getpath($path) // [];
                      if has_item($item) then . else . + [$item] end))
                  end);

        def remove($path; $original):
            delpaths([$path])
            | $path[:-1] as $above
            | if ($above | length) > 0 and getpath($above) == {} and ($original | known($above) | not)
              then remove($above; $original) else . end;

        # The last first: an edit may stand inside what an earlier one set.
        def unmerge($original; $edits):
            reduce ($edits | reverse)[] as $edit (.;
                $edit.path as $path
                | if known($path) | not then .
                  elif $edit | has("value") then
                      if getpath($path) != $edit.value then .
                      elif $original | known($path) then setpath($path; $original | getpath($path))
                      else remove($path; $original) end
                  elif is_list_at($path) | not then .
                  else
                      (if $original | is_list_at($path) then $original | getpath($path) else [] end) as $theirs
                      | setpath($path; getpath($path)
                          | map(. as $item
                              | select(($theirs | has_item($item)) or ($edit.add | has_item($item) | not))))
                      | if getpath($path) == [] and ($original | known($path) | not)
                        then remove($path; $original) else . end
                  end);

        def stands($edit):
            if $edit | has("value") then known($edit.path) and getpath($edit.path) == $edit.value
            else is_list_at($edit.path) and (getpath($edit.path) as $list | all($edit.add[]; . as $item
                | $list | has_item($item))) end;

        ($file | object) as $now
        | ($before | object) as $original
        | ($bundle | object | .edits) as $edits
        | if $mode == "get" then
              $now[$key] | if type == "array" then .[] | strings else strings, numbers end
          elif $mode == "check" then empty
          elif $mode == "merge" then $now | merge($edits)
          elif $mode == "unmerge" then $now | unmerge($original; $edits)
          else $edits[] | select(. as $edit | $now | stands($edit) | not) | .path | join(".") end' ||
        case $? in 3) return 3 ;; *) return 1 ;; esac
}

# --- JavaScript for Automation

json_javascript() { # texts in, text out, in the JavaScript of old Macs; answer() is what the outside calls
    cat <<'JAVASCRIPT'
"use strict";

// An object keeps its keys in their order, which JavaScript's own do not when they look like numbers.
function Members() {
    this.keys = [];
    this.values = {};
}
Members.prototype.has = function (key) {
    return Object.prototype.hasOwnProperty.call(this.values, "$" + key);
};
Members.prototype.get = function (key) {
    return this.has(key) ? this.values["$" + key] : undefined;
};
Members.prototype.set = function (key, value) {
    if (!this.has(key)) this.keys.push(key);
    this.values["$" + key] = value;
};
Members.prototype.remove = function (key) {
    this.keys.splice(this.keys.indexOf(key), 1);
    delete this.values["$" + key];
};

// A number keeps its spelling; 1, 1.0 and 10e-1 are equal.
function Numeral(spelling) {
    if (!isFinite(spelling)) throw new SyntaxError(spelling);
    this.spelling = spelling;
    var part = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE](.+))?$/.exec(spelling);
    var digits = (part[2] + (part[3] || "")).replace(/^0+/, "");
    var kept = digits.replace(/0+$/, "");
    var power = Number(part[4] || 0) - (part[3] || "").length + digits.length - kept.length;
    this.value = kept === "" ? "0" : part[1] + kept + "e" + power;
}

function read(content) {
    if (content === null) return new Members();
    if (content.charAt(0) === "\ufeff") content = content.slice(1);
    JSON.parse(content);
    var tokens = content.match(/"[^"\\]*(?:\\[^][^"\\]*)*"|[{}\[\],:]|[^\s"{}\[\],:]+/g);
    var value = build({tokens: tokens, at: 0});
    if (!(value instanceof Members)) throw new SyntaxError("no object");
    return value;
}

// JSON.parse has been over the tokens before: every one is where it may be.
function build(reader) {
    var token = reader.tokens[reader.at++];
    if (token === "{") return buildMembers(reader);
    if (token === "[") return buildList(reader);
    return /^[-0-9]/.test(token) ? new Numeral(token) : JSON.parse(token);
}

function buildMembers(reader) {
    var members = new Members();
    while (reader.tokens[reader.at++] !== "}") {
        if (reader.tokens[reader.at - 1] === ",") reader.at++;
        var key = JSON.parse(reader.tokens[reader.at - 1]);
        reader.at++;
        members.set(key, build(reader));
    }
    return members;
}

function buildList(reader) {
    var items = [];
    while (reader.tokens[reader.at] !== "]") {
        if (reader.tokens[reader.at] === ",") reader.at++;
        items.push(build(reader));
    }
    reader.at++;
    return items;
}

function text(value, line) {
    var deeper = (line = line || "\n") + "  ";
    if (value instanceof Numeral) return value.spelling;
    if (typeof value === "string") return quoted(value);
    if (value instanceof Members && value.keys.length) {
        return "{" + deeper + value.keys.map(function (key) {
            return quoted(key) + ": " + text(value.get(key), deeper);
        }).join("," + deeper) + line + "}";
    }
    if (value instanceof Members) return "{}";
    if (Array.isArray(value) && value.length) {
        return "[" + deeper + value.map(function (item) {
            return text(item, deeper);
        }).join("," + deeper) + line + "]";
    }
    return JSON.stringify(value);
}

// Half of a surrogate pair has no UTF-8; it goes back to the escape it must have come from.
function quoted(string) {
    return JSON.stringify(string).replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, function (found) {
        return found.length === 2 ? found : "\\u" + found.charCodeAt(0).toString(16);
    });
}

function equal(left, right) {
    if (left instanceof Numeral && right instanceof Numeral) return left.value === right.value;
    if (Array.isArray(left) && Array.isArray(right)) {
        return left.length === right.length && left.every(function (item, at) {
            return equal(item, right[at]);
        });
    }
    if (left instanceof Members && right instanceof Members) {
        return left.keys.length === right.keys.length && left.keys.every(function (key) {
            return right.has(key) && equal(left.get(key), right.get(key));
        });
    }
    return left === right;
}

function hasItem(list, item) {
    return list.some(function (other) {
        return equal(other, item);
    });
}

function at(value, path) {
    return path.reduce(function (holder, key) {
        return holder instanceof Members ? holder.get(key) : undefined;
    }, value);
}

function Refused(path) {
    this.path = path;
}

function holderOf(base, path) {
    return path.slice(0, -1).reduce(function (holder, key, depth) {
        if (!holder.has(key)) holder.set(key, new Members());
        var next = holder.get(key);
        if (!(next instanceof Members)) throw new Refused(path.slice(0, depth + 1));
        return next;
    }, base);
}

function merge(base, edits) {
    edits.forEach(function (edit) {
        var path = edit.get("path"), last = path[path.length - 1], holder = holderOf(base, path);
        if (edit.has("value")) {
            holder.set(last, edit.get("value"));
            return;
        }
        if (!holder.has(last)) holder.set(last, []);
        var items = holder.get(last);
        if (!Array.isArray(items)) throw new Refused(path);
        edit.get("add").forEach(function (item) {
            if (!hasItem(items, item)) items.push(item);
        });
    });
    return base;
}

function remove(current, original, path) {
    var above = path.slice(0, -1), holder = at(current, above);
    holder.remove(path[path.length - 1]);
    if (above.length && !holder.keys.length && at(original, above) === undefined) remove(current, original, above);
}

// The last first: an edit may stand inside what an earlier one set. What goes back is taken from a second copy of the
// original, so that the first still shows how it was.
function unmerge(current, original, spare, edits) {
    edits.slice().reverse().forEach(function (edit) {
        var path = edit.get("path"), last = path[path.length - 1];
        var now = at(current, path), before = at(original, path);
        if (edit.has("value")) {
            if (now === undefined || !equal(now, edit.get("value"))) return;
            if (before === undefined) remove(current, original, path);
            else at(current, path.slice(0, -1)).set(last, at(spare, path));
        } else if (Array.isArray(now)) {
            var left = now.filter(function (item) {
                return Array.isArray(before) && hasItem(before, item) || !hasItem(edit.get("add"), item);
            });
            at(current, path.slice(0, -1)).set(last, left);
            if (!left.length && before === undefined) remove(current, original, path);
        }
    });
    return current;
}

function stands(base, edit) {
    var now = at(base, edit.get("path"));
    if (edit.has("value")) return now !== undefined && equal(now, edit.get("value"));
    return Array.isArray(now) && edit.get("add").every(function (item) {
        return hasItem(now, item);
    });
}

function lines(value) {
    if (value instanceof Numeral) return [value.spelling];
    return (Array.isArray(value) ? value : [value]).filter(function (line) {
        return typeof line === "string";
    });
}

function listing(all) {
    return all.map(function (line) {
        return line + "\n";
    }).join("");
}

function answerTo(mode, texts, key) {
    if (mode === "string") return quoted(texts[0]) + "\n";
    var file = read(texts[0]);
    if (mode === "check") return text(file) && "";
    if (mode === "get") return listing(lines(file.get(key)));
    var edits = read(texts[texts.length - 1]).get("edits");
    if (mode === "merge") return text(merge(file, edits)) + "\n";
    if (mode === "unmerge") return text(unmerge(file, read(texts[1]), read(texts[1]), edits)) + "\n";
    return listing(edits.filter(function (edit) {
        return !stands(file, edit);
    }).map(function (edit) {
        return edit.get("path").join(".");
    }));
}

// A null among the texts is a file that is not there.
function answer(mode, texts, key) {
    try {
        return {status: 0, output: answerTo(mode, texts, key), errors: ""};
    } catch (error) {
        if (error instanceof Refused) return {status: 3, output: "", errors: error.path.join(".") + "\n"};
        return {status: 1, output: "", errors: ""};
    }
}
JAVASCRIPT
}

json_javascript_on_macos() { # files, standard input and output, and the exit status
    cat <<'JAVASCRIPT'

ObjC.import("Foundation");
ObjC.import("stdlib");

// What is no UTF-8 becomes undefined, which answer() cannot read.
function decoded(data) {
    return ObjC.unwrap($.NSString.alloc.initWithDataEncoding(data, $.NSUTF8StringEncoding));
}

function contents(name) {
    return name === "" ? null : decoded($.NSData.dataWithContentsOfFile(name));
}

function write(file, string) {
    file.writeData($(string).dataUsingEncoding($.NSUTF8StringEncoding));
}

function run(argv) {
    var mode = argv[0], names = argv.slice(1), key = mode === "get" ? names.pop() : "";
    var texts = mode === "string"
        ? [decoded($.NSFileHandle.fileHandleWithStandardInput.readDataToEndOfFile)]
        : names.map(contents);
    var result = answer(mode, texts, key);
    write($.NSFileHandle.fileHandleWithStandardOutput, result.output);
    write($.NSFileHandle.fileHandleWithStandardError, result.errors);
    $.exit(result.status);
}
JAVASCRIPT
}
