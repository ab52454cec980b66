package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"relaykeep/relay/admin"
)

// release is set by the build: -ldflags "-X main.release=1.2.3".
var release string

// versionCmd is the command version.
type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run shows the version.
func (c *versionCmd) Run(a *app) error {
	v := admin.Version{Version: version(), Go: runtime.Version()}
	if c.JSON {
		return printJSON(a.out, v)
	}
	_, err := fmt.Fprintf(a.out, "relaykeep %s (%s)\n", v.Version, v.Go)
	return err
}

// version names this build: the release, else what Go knows of the source.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
