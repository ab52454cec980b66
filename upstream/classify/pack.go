package classify

import (
	"encoding"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"relaykeep/relay"
)

// packFile and ruleFile are a pack as HCL has it.
type packFile struct {
	Version   int          `hcl:"version"`
	Providers []string     `hcl:"providers,optional"`
	Presets   *presetsFile `hcl:"presets,block"`
	Rules     []ruleFile   `hcl:"rule,block"`
}

type ruleFile struct {
	Name      string         `hcl:"name,label"`
	Stage     *hcl.Attribute `hcl:"stage,optional"`
	Code      *hcl.Attribute `hcl:"code,optional"`
	Enhanced  *hcl.Attribute `hcl:"enhanced,optional"`
	Text      *hcl.Attribute `hcl:"text,optional"`
	TextRegex *hcl.Attribute `hcl:"text_regex,optional"`
	Error     *hcl.Attribute `hcl:"error,optional"`
	DotSent   *bool          `hcl:"dot_sent,optional"`
	Action    *hcl.Attribute `hcl:"action"`
	Then      *hcl.Attribute `hcl:"then,optional"`
	Class     *hcl.Attribute `hcl:"class,optional"`
	Scope     *hcl.Attribute `hcl:"scope,optional"`
	Delay     *hcl.Attribute `hcl:"delay,optional"`
	Free      *bool          `hcl:"free,optional"`
	Split     *hcl.Attribute `hcl:"split,optional"`
	Warn      bool           `hcl:"warn,optional"`
	Meaning   string         `hcl:"meaning"`
	Source    string         `hcl:"source"`
	Examples  []string       `hcl:"examples"`
	Range     hcl.Range      `hcl:",def_range"`
}

// ParsePack reads a pack in HCL. Errors name file, line and column; they are
// hcl.Diagnostics. What the rules mean is checked by New.
func ParsePack(name, file string, src []byte) (Pack, error) {
	f, diags := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
	if diags.HasErrors() {
		return Pack{}, diags
	}
	var raw packFile
	if diags := gohcl.DecodeBody(f.Body, nil, &raw); diags.HasErrors() {
		return Pack{}, diags
	}
	p := Pack{Name: name, Version: raw.Version, Providers: raw.Providers}
	var d decoder
	p.Presets = d.presets(raw.Presets)
	for _, r := range raw.Rules {
		p.Rules = append(p.Rules, d.rule(r))
	}
	if d.diags.HasErrors() {
		return Pack{}, d.diags
	}
	return p, nil
}

// decoder turns attributes into values and gathers what is wrong with them.
type decoder struct{ diags hcl.Diagnostics }

func (d *decoder) rule(f ruleFile) Rule {
	return Rule{
		Name:      f.Name,
		Position:  fmt.Sprintf("%s:%d", f.Range.Filename, f.Range.Start.Line),
		Stages:    names[relay.Stage](d, f.Stage),
		Codes:     d.list(f.Code),
		Enhanced:  d.list(f.Enhanced),
		Text:      d.list(f.Text),
		TextRegex: d.list(f.TextRegex),
		Errors:    names[ErrorKind](d, f.Error),
		DotSent:   f.DotSent,
		Action:    name[relay.Action](d, f.Action),
		Then:      name[relay.Action](d, f.Then),
		Class:     name[relay.Class](d, f.Class),
		Scope:     name[relay.Scope](d, f.Scope),
		Delay:     d.duration(f.Delay),
		Free:      f.Free,
		Split:     name[relay.Split](d, f.Split),
		Warn:      f.Warn,
		Meaning:   f.Meaning,
		Source:    f.Source,
		Examples:  f.Examples,
	}
}

// list reads a string or a list of strings; none of them may be empty.
func (d *decoder) list(a *hcl.Attribute) []string {
	if a == nil {
		return nil
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		d.diags = append(d.diags, diags...)
		return nil
	}
	var list []string
	if v.Type() == cty.String {
		v = cty.TupleVal([]cty.Value{v})
	}
	if !v.IsNull() && v.Type().IsTupleType() {
		for _, e := range v.AsValueSlice() {
			if e.Type() != cty.String || e.IsNull() || e.AsString() == "" {
				list = nil
				break
			}
			list = append(list, e.AsString())
		}
	}
	if len(list) == 0 {
		d.fault(a, errors.New("a string or a list of strings is wanted, none of them empty"))
	}
	return list
}

// text reads one string that is not empty; "" where there is none.
func (d *decoder) text(a *hcl.Attribute) string {
	list := d.list(a)
	if len(list) > 1 {
		d.fault(a, errors.New("one string is wanted"))
	}
	if len(list) != 1 {
		return ""
	}
	return list[0]
}

// duration reads "90s", "10m", "24h" or "5d".
func (d *decoder) duration(a *hcl.Attribute) time.Duration {
	s := d.text(a)
	if s == "" {
		return 0
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		d.fault(a, fmt.Errorf("%q is not a duration like \"30s\", \"10m\", \"4h\" or \"5d\"", s))
	}
	return v
}

func (d *decoder) fault(a *hcl.Attribute, err error) {
	d.faultAt(a.Expr.Range(), a.Name, err)
}

func (d *decoder) faultAt(r hcl.Range, what string, err error) {
	d.diags = append(d.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "Invalid " + what,
		Detail:   err.Error() + ".",
		Subject:  &r,
	})
}

// named is a pointer to a value that is read from its name.
type named[T any] interface {
	*T
	encoding.TextUnmarshaler
}

// name reads a value by its name; the zero value where there is no attribute.
func name[T any, P named[T]](d *decoder, a *hcl.Attribute) T {
	var v T
	if s := d.text(a); s != "" {
		if err := P(&v).UnmarshalText([]byte(s)); err != nil {
			d.fault(a, err)
		}
	}
	return v
}

// names reads values by their names.
func names[T any, P named[T]](d *decoder, a *hcl.Attribute) []T {
	var list []T
	for _, s := range d.list(a) {
		var v T
		if err := P(&v).UnmarshalText([]byte(s)); err != nil {
			d.fault(a, err)
		}
		list = append(list, v)
	}
	return list
}
