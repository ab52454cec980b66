package main

import (
	"fmt"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/posener/complete"
)

// completionCmd is the command completion.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// The shells ask the program itself what may follow, with the line in
// COMP_LINE: what they say stays true when commands are added.
var completionScripts = map[string]string{
	"bash": `complete -o default -C relaykeep relaykeep
`,
	"zsh": `autoload -U +X bashcompinit && bashcompinit
complete -o default -C relaykeep relaykeep
`,
	"fish": `function __complete_relaykeep
    set -lx COMP_LINE (commandline -cp)
    test -z (commandline -ct); and set COMP_LINE "$COMP_LINE "
    relaykeep
end
complete -c relaykeep -a "(__complete_relaykeep)"
`,
}

// Run prints what the shell is to read.
func (c *completionCmd) Run(a *app) error {
	_, err := fmt.Fprint(a.out, completionScripts[c.Shell])
	return err
}

// answeredShell answers a shell that asks what may follow on the command line,
// and reports whether one did.
func (a *app) answeredShell(parser *kong.Kong) (bool, error) {
	if line, _ := a.env("COMP_LINE"); line == "" {
		return false, nil
	}
	command, err := kongcompletion.Command(parser)
	if err != nil {
		return false, err
	}
	c := complete.New(parser.Model.Name, command)
	c.Out = a.out
	return c.Complete(), nil
}
