# Completion of snug for fish. What fits is asked of snug itself: a line each, with an explanation
# behind a tab, and first a line that says what else may stand there.
function __snug_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete fish $words[2..-1] 2>/dev/null)
        switch $line
            case ':commands'
                __fish_complete_command
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c snug -f -a '(__snug_complete)'
