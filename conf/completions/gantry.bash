# bash completion for gantry: the program itself knows what may follow.

_gantry() {
    local IFS=$'\n'
    COMPREPLY=()
    # The words so far, joined again where bash took them apart at a colon.
    local words=() cword
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n : words cword
    else
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    fi
    case ${words[cword - 1]} in
    -o | --output)
        mapfile -t COMPREPLY < <(compgen -W $'table\njson\nyaml' -- "${words[cword]}")
        return
        ;;
    -F | --ssh-config)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "${words[cword]}")
        return
        ;;
    -H | --host)
        ! declare -F _known_hosts_real >/dev/null || _known_hosts_real -- "${words[cword]}"
        return
        ;;
    esac
    mapfile -t COMPREPLY < <("${words[0]}" __complete "${words[@]:1:cword}" 2>/dev/null </dev/null)
    ! declare -F __ltrim_colon_completions >/dev/null || __ltrim_colon_completions "${words[cword]}"
}

complete -F _gantry gantry
