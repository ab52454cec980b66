package config

// presets are what the configuration of an upstream need not say.
type presets struct {
	connections int
	recipients  int // per transaction
	rate        Limit
}

// presetsOf gives the presets of a provider.
func presetsOf(string) presets { return presets{connections: 10, recipients: 50} }
