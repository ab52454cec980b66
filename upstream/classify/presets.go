package classify

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Presets are what a provider's manual says of its limits and habits: defaults
// for what a configuration leaves out. A zero field means that the manual names
// no figure, or leaves it to the account.
type Presets struct {
	MaxConnections int    // at a time
	MaxRecipients  int    // in one transaction
	MaxMessageSize int64  // in bytes, where EHLO is not trusted to say it
	Rate           string // as a configuration writes it: "30/m"
	Count          string // what Rate counts: "messages" or "recipients"; "" without Rate

	// UnsignedHeaders names the fields that the provider replaces on the way:
	// a DKIM signature over them would break.
	UnsignedHeaders []string

	// RefusesNullSender says that the provider takes no mail from <>, as
	// notifications have it (RFC 5321 4.5.5): they need a sender of our own.
	RefusesNullSender bool

	Source string // the manuals that the figures are from
}

// Presets gives the presets of a provider; ok is false where there is no
// built-in pack for it. They are the caller's to keep.
func (c *Classifier) Presets(provider string) (p Presets, ok bool) {
	p, ok = c.presets[provider]
	p.UnsignedHeaders = slices.Clone(p.UnsignedHeaders)
	return p, ok
}

// presetsFile is presets as HCL has them.
type presetsFile struct {
	MaxConnections    int            `hcl:"max_connections,optional"`
	MaxRecipients     int            `hcl:"max_recipients,optional"`
	MaxMessageSize    *hcl.Attribute `hcl:"max_message_size,optional"`
	Rate              *hcl.Attribute `hcl:"rate,optional"`
	Count             *hcl.Attribute `hcl:"count,optional"`
	UnsignedHeaders   *hcl.Attribute `hcl:"unsigned_headers,optional"`
	RefusesNullSender bool           `hcl:"refuses_null_sender,optional"`
	Source            string         `hcl:"source"`
	Range             hcl.Range      `hcl:",def_range"`
}

func (d *decoder) presets(f *presetsFile) Presets {
	if f == nil {
		return Presets{}
	}
	p := Presets{
		MaxConnections:    f.MaxConnections,
		MaxRecipients:     f.MaxRecipients,
		MaxMessageSize:    d.size(f.MaxMessageSize),
		Rate:              d.text(f.Rate),
		Count:             d.text(f.Count),
		UnsignedHeaders:   d.list(f.UnsignedHeaders),
		RefusesNullSender: f.RefusesNullSender,
		Source:            f.Source,
	}
	switch {
	case p.MaxConnections < 0 || p.MaxRecipients < 0:
		d.faultAt(f.Range, "presets", errors.New("a limit must not be negative"))
	case p.Source == "":
		d.faultAt(f.Range, "presets", errors.New("they have no source"))
	case (p.Rate == "") != (p.Count == ""):
		d.faultAt(f.Range, "presets", errors.New("rate and count go together"))
	case p.Count != "" && p.Count != "messages" && p.Count != "recipients":
		d.fault(f.Count, fmt.Errorf("%q is neither \"messages\" nor \"recipients\"", p.Count))
	}
	return p
}

// size reads "512KiB", "40MiB" or "1GiB".
func (d *decoder) size(a *hcl.Attribute) int64 {
	s := d.text(a)
	if s == "" {
		return 0
	}
	for shift, unit := range map[int]string{10: "KiB", 20: "MiB", 30: "GiB"} {
		number, ok := strings.CutSuffix(s, unit)
		if n, err := strconv.ParseUint(number, 10, 16); ok && err == nil {
			return int64(n) << shift
		}
	}
	d.fault(a, fmt.Errorf("%q is not a size like \"512KiB\" or \"40MiB\"", s))
	return 0
}
