// Command relaykeep is an SMTP relay that keeps mail on disk until a provider
// has taken it. See relaykeep --help.
package main

import "os"

func main() {
	os.Exit(run(commandLine(os.Args), app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv}))
}
