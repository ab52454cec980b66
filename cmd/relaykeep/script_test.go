package main

import (
	"errors"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"relaykeep/upstream/upstreamtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"relaykeep": main, "sendmail": main, "mailq": main, "newaliases": main})
}

// TestScripts runs the command lines of testdata/script as they are typed.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second more
			e.Setenv("RELAYKEEP_CONFIG", "config.hcl")
			e.Values[providersKey{}] = make(map[string]*upstreamtest.Server)
			e.Values[notifyKey{}] = new(chan string)
			e.Values[activatedKey{}] = new(*exec.Cmd)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":   cmdStatus,
			"fill":     cmdFill,
			"fresh":    cmdFresh,
			"operated": cmdOperated,
			"foreign":  cmdForeign,
			"provider": cmdProvider,
			"says":     cmdSays,
			"arrived":  cmdArrived,
			"notify":   cmdNotify,
			"notified": cmdNotified,
			"setid":    cmdSetID,
			"took":     cmdTook,
			"reached":  cmdReached,
			"pid":      cmdPID,
			"signal":   cmdSignal,
			"activate": cmdActivate,
			"exited":   cmdExited,
			"zone":     cmdZone,
			"damage":   cmdDamage,
		},
	})
}

// cmdStatus runs a command that must exit with this status: status N CMD ARGS.
func cmdStatus(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v: %v", args[1:], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v: exit status %d, want %d", args[1:], got, want)
	}
}
