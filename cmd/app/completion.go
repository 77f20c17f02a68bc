package app

import (
	"fmt"
	"strings"
)

// completionCommand prints a script that makes a shell complete arguments of this program.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is printed below the flags.
func (completionCommand) Help() string {
	return "bash: eval \"$(dagscope completion bash)\" in ~/.bashrc. zsh: eval \"$(dagscope completion zsh)\" in ~/.zshrc, " +
		"after compinit. fish: dagscope completion fish > ~/.config/fish/completions/dagscope.fish."
}

// Run prints it.
func (c *completionCommand) Run(s *session) error {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	identifier := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s.name)
	_, err := fmt.Fprint(s.stdout, strings.NewReplacer("PROGRAM", s.name, "IDENTIFIER", identifier).Replace(script))
	return err
}

// The scripts pass the words up to the cursor to the command __complete. A candidate that ends with "=" is not complete,
// so no space follows it.
const (
	bashScript = `_IDENTIFIER_complete() {
	local candidates current="${COMP_WORDS[COMP_CWORD]}"
	mapfile -t candidates < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	if [[ "${candidates[0]}" == ":files" ]]; then
		[[ "$current" == "=" ]] && current=""
		mapfile -t candidates < <(compgen -f -- "$current")
		compopt -o filenames
	fi
	COMPREPLY=("${candidates[@]}")
	[[ "${COMPREPLY[0]}" == *= ]] && compopt -o nospace
	return 0
}
complete -F _IDENTIFIER_complete PROGRAM
`
	zshScript = `_IDENTIFIER_complete() {
	local -a candidates
	candidates=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ "${candidates[1]}" == ":files" ]]; then
		[[ "$PREFIX" == --*=* ]] && compset -P '*='
		_files
	elif [[ "${candidates[1]}" == *= ]]; then
		compadd -S '' -- "${(@)candidates}"
	elif [[ -n "${candidates[1]}" ]]; then
		compadd -- "${(@)candidates}"
	fi
}
compdef _IDENTIFIER_complete PROGRAM
`
	fishScript = `function _IDENTIFIER_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l candidates ($words[1] __complete -- $words[2..] 2>/dev/null)
	if test "$candidates[1]" = ":files"
		__fish_complete_path (commandline -ct)
	else
		printf '%s\n' $candidates
	end
end
complete -c PROGRAM -f -a '(_IDENTIFIER_complete)'
`
)
