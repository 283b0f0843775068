#compdef snug
# Completion of snug for zsh. What fits is asked of snug itself: a line each, with an explanation
# behind a tab, and first a line that says what else may stand there.
_snug() {
    local line kind= tab=$'\t'
    local -a plain open texts opens
    for line in "${(@f)$("${words[1]}" __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
        '') ;;
        :*) kind=${line#:} ;;
        *=$tab*) open+=("${line%%$tab*}"); opens+=("${line/$tab/  -- }") ;;
        *) plain+=("${line%%$tab*}"); texts+=("${line/$tab/  -- }") ;;
        esac
    done
    (( $#plain )) && compadd -l -d texts -a plain
    (( $#open )) && compadd -l -S '' -d opens -a open
    case $kind in
    commands) _command_names -e ;;
    files)
        [[ $PREFIX == --*=* ]] && compset -P '*='
        _files ;;
    esac
}
if [ "$funcstack[1]" = _snug ]; then _snug "$@"; else compdef _snug snug; fi
