package relay

// Secret is a string that prints as ***, however it is printed. Only Reveal
// gives the value.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal gives the value. Call it where the secret is used, not before.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == "" }

// String gives ***, or "" for an empty secret.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "***"
}

// GoString gives what String gives.
func (s Secret) GoString() string { return s.String() }

// MarshalText gives what String gives.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
