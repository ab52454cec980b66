package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"relaykeep/upstream/classify"
)

// The exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// app is the world that a command sees.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(name string) (value string, ok bool)
}

// grammar is the command line. A command is a struct whose Run does it.
type grammar struct {
	Help   helpFlag `short:"h" help:"Show this help."`
	Config string   `placeholder:"FILE" help:"The configuration (default: $$RELAYKEEP_CONFIG, else ${default_config})."`

	Serve    serveCmd    `cmd:"" help:"Run the daemon: take mail in, keep it, deliver it."`
	Check    checkCmd    `cmd:"" help:"Validate the configuration; with --probe, try the upstreams too."`
	Demo     demoCmd     `cmd:"" help:"Show the main job on loopback, with two fake providers."`
	Send     sendCmd     `cmd:"" help:"Send a test mail through the running daemon."`
	Spool    spoolCmd    `cmd:"" help:"Look at the mail in the spool."`
	Status   statusCmd   `cmd:"" help:"Show the daemon at a glance; the exit status is for monitoring."`
	Upstream upstreamCmd `cmd:"" help:"Look at the upstreams of the running daemon, probe, pause and resume them."`
	Incident incidentCmd `cmd:"" help:"Look at troubles that hold mail or disable an upstream, and resolve them."`
	Explain  explainCmd  `cmd:"" help:"Tell what a reply means and what is done about it, or where a message stands."`
	DKIM     dkimCmd     `cmd:"" name:"dkim" help:"Make, show and check the keys that mail is signed with."`
	Sendmail sendmailCmd `cmd:"" passthrough:"" help:"Be the sendmail of programs that know no SMTP; also when called by that name."`
	User     userCmd     `cmd:"" help:"Make lines for the users file."`
	Reload   reloadCmd   `cmd:"" help:"Have the running daemon read its configuration again, without losing a session or a message."`
	Version  versionCmd  `cmd:"" help:"Show the version."`

	Completion completionCmd `cmd:"" help:"Print what a shell needs to complete commands and flags."`
	Man        manCmd        `cmd:"" hidden:"" help:"Print the manual page."`
}

const defaultConfig = "/etc/relaykeep/config.hcl"

// errUsage is matched by the errors of a wrong command line.
var errUsage = errors.New("wrong usage")

// errReported is returned where the reason is on standard error already.
var errReported = errors.New("failed")

// usageError says in one line what is wrong with the command line.
type usageError string

func (e usageError) Error() string { return string(e) }
func (usageError) Is(target error) bool {
	return target == errUsage
}

// errHelp ends the parsing after the help was shown.
var errHelp = errors.New("help was shown")

// helpFlag shows the help of the command that it stands behind.
type helpFlag bool

// IgnoreDefault tells kong that there is no default to apply.
func (helpFlag) IgnoreDefault() {}

// BeforeReset shows the help before anything is validated.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	return cmp.Or(ctx.PrintUsage(false), errHelp)
}

// run does what the arguments say and gives the exit status.
func run(args []string, a app) int {
	var g grammar
	parser, err := kong.New(&g,
		kong.Name("relaykeep"),
		kong.Description("An SMTP relay that keeps mail on disk until a provider has taken it."),
		kong.NoDefaultHelp(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(a.out, a.err),
		kong.Vars{
			"default_config": defaultConfig,
			"providers":      strings.Join(classify.Providers(), ", "),
			"stages":         strings.Join(stageNames(), ", "),
		},
	)
	if err != nil {
		return a.fail("", err)
	}
	if answered, err := a.answeredShell(parser); err != nil {
		return a.fail("", err)
	} else if answered {
		return exitDone
	}
	ctx, err := parser.Parse(args)
	var wrong *kong.ParseError
	switch {
	case errors.Is(err, errHelp):
		return exitDone
	case errors.As(err, &wrong):
		return a.fail(commandOf(wrong.Context), misuse(wrong))
	case err != nil:
		return a.fail("", err)
	}
	if name := emptyArgument(ctx); name != "" {
		return a.fail(commandOf(ctx), usageError(name+" is empty: a variable that is not set, perhaps"))
	}
	ctx.BindTo(context.Background(), (*context.Context)(nil))
	if err := ctx.Run(&a, &g); err != nil {
		return a.fail(commandOf(ctx), err)
	}
	return exitDone
}

// emptyArgument names an argument that is given as nothing; "" where none is. An
// empty filter or file would be taken for one that is left out, and another mail or
// spool be acted upon. What may be empty has the tag blank, and pointers are looked
// at by their commands.
func emptyArgument(ctx *kong.Context) string {
	for _, p := range ctx.Path {
		var v *kong.Value
		var name string
		switch {
		case p.Flag != nil:
			v, name = p.Flag.Value, "--"+p.Flag.Name
		case p.Positional != nil:
			v, name = p.Positional, strings.ToUpper(p.Positional.Name)
		default:
			continue
		}
		if !v.Tag.Has("blank") && isBlank(v.Target) {
			return name
		}
	}
	return ""
}

func isBlank(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() == 0
	case reflect.Slice:
		if v.Len() == 0 {
			return true
		}
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.String && e.Len() == 0 {
				return true
			}
		}
	}
	return false
}

// fail tells an error in one line and gives its exit status.
func (a *app) fail(command string, err error) int {
	status := exitFailed
	var exit *exitError
	if errors.As(err, &exit) {
		status = exit.status
	}
	switch {
	case errors.Is(err, errReported):
		return status
	case errors.Is(err, errUsage):
		help := strings.TrimSpace("relaykeep " + command)
		fmt.Fprintf(a.err, "relaykeep: %s; see %s --help\n", oneLine(err.Error()), help)
		return exitUsage
	}
	joined := strings.ReplaceAll(err.Error(), "\n", "; ") // of errors.Join
	fmt.Fprintf(a.err, "relaykeep: %s\n", oneLine(joined))
	return status
}

// misuse says what is wrong with the command line; where a command is missing
// or unknown, which ones there are.
func misuse(wrong *kong.ParseError) usageError {
	node := wrong.Context.Model.Node
	for _, p := range wrong.Context.Path {
		if p.Command != nil {
			node = p.Command
		}
	}
	var names []string
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	said := wrong.Error()
	if names == nil || !strings.HasPrefix(said, "expected ") && !strings.HasPrefix(said, "unexpected argument ") {
		return usageError(said)
	}
	known := "there are " + strings.Join(names, ", ")
	if len(names) == 1 {
		known = "there is " + names[0]
	}
	if argument, unknown := strings.CutPrefix(said, "unexpected argument "); unknown {
		return usageError("unknown command " + argument + ": " + known)
	}
	return usageError("a command is missing: " + known)
}

// commandOf names the command that was chosen, as far as parsing came.
func commandOf(ctx *kong.Context) string {
	var names []string
	for _, p := range ctx.Path {
		if p.Command != nil {
			names = append(names, p.Command.Name)
		}
	}
	return strings.Join(names, " ")
}
