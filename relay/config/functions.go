package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// maxFile bounds the configuration and each file that file() reads, in bytes.
const maxFile = 1 << 20

// secretMark marks the values that functions give. It spreads to whatever is
// made of them, and keeps them out of diagnostics.
type secretMark struct{}

// lookups are the sources of what the functions give.
type lookups struct {
	folder string
	env    func(string) (string, bool)
}

// context gives the functions to expressions. If open is true they look up
// nothing and give unknown values.
func (l lookups) context(open bool) *hcl.EvalContext {
	functions := map[string]function.Function{}
	for name, get := range map[string]func(args []string) (string, error){
		"env":        l.getEnv,
		"file":       l.getFile,
		"credential": l.getCredential,
	} {
		functions[name] = secretFunction(name, get, open)
	}
	return &hcl.EvalContext{Functions: functions}
}

// secretFunction makes an HCL function of get. A default, the one argument
// beyond the first, is for env only.
func secretFunction(name string, get func([]string) (string, error), open bool) function.Function {
	parameter := function.Parameter{Name: "name", Type: cty.String, AllowMarked: true}
	spec := &function.Spec{
		Params: []function.Parameter{parameter},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].IsMarked() {
				// The name would show up in messages.
				return cty.NilVal, fmt.Errorf("%s wants a plain text, not what another function gives", name)
			}
			if open {
				return cty.UnknownVal(cty.String).Mark(secretMark{}), nil
			}
			var texts []string
			for _, a := range args {
				plain, _ := a.Unmark()
				texts = append(texts, plain.AsString())
			}
			value, err := get(texts)
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(value).Mark(secretMark{}), nil
		},
	}
	if name == "env" {
		parameter.Name = "default"
		spec.VarParam = &parameter
	}
	return function.New(spec)
}

func (l lookups) getEnv(args []string) (string, error) {
	name := args[0]
	if len(args) > 2 {
		return "", errors.New("env takes a name and at most one default")
	}
	if value, ok := l.env(name); ok {
		return value, nil
	}
	if len(args) == 2 {
		return args[1], nil
	}
	return "", fmt.Errorf("the environment variable %s is not set; set it, or give a default: env(%q, \"…\")", name, name)
}

func (l lookups) getFile(args []string) (string, error) {
	text, err := readBounded(absolute(l.folder, args[0]))
	if err != nil {
		return "", fmt.Errorf("file(%q): %w", args[0], err)
	}
	return strings.TrimSpace(string(text)), nil
}

// getCredential reads a file of systemd's credentials folder (systemd.exec(5),
// LoadCredential=). The content is trimmed, as that of file() is.
func (l lookups) getCredential(args []string) (string, error) {
	name := args[0]
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("credential(%q): the name of a credential is a file name without a folder", name)
	}
	folder, ok := l.env("CREDENTIALS_DIRECTORY")
	if !ok || folder == "" {
		return "", fmt.Errorf("credential(%q): there are no credentials here; systemd passes them with LoadCredential=%s:/path", name, name)
	}
	text, err := readBounded(filepath.Join(folder, name))
	if err != nil {
		return "", fmt.Errorf("credential(%q): %w; pass it with LoadCredential=%s:/path", name, err, name)
	}
	return strings.TrimSpace(string(text)), nil
}

// readBounded reads a whole file of at most maxFile bytes.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, plainError(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, plainError(err)
	}
	if len(b) > maxFile {
		return nil, errors.New("is larger than 1 MiB")
	}
	return b, nil
}

// plainError takes operation and path off, which the message has already.
func plainError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// absolute resolves a path against the folder of the configuration.
func absolute(folder, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
