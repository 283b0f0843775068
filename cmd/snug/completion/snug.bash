# Completion of snug for bash. What fits is asked of snug itself: a line each, with an explanation
# behind a tab, and first a line that says what else may stand there.
_snug() {
    local cur words line kind= tab=$'\t'
    # bash takes --flag=value apart; snug puts it together again.
    words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    cur=${COMP_WORDS[COMP_CWORD]}
    [ "$cur" = "=" ] && cur=
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
        :*) kind=${line#:} ;;
        *) COMPREPLY+=("${line%%"$tab"*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete bash "${words[@]}" 2>/dev/null)
    case $kind in
    commands) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -c -- "$cur") ;;
    files) compopt -o filenames 2>/dev/null; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
    [ ${#COMPREPLY[@]} = 1 ] && [ "${COMPREPLY[0]%=}" != "${COMPREPLY[0]}" ] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _snug snug
