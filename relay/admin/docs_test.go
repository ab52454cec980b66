package admin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every key of the objects and every endpoint of the package comment is in the
// documentation.
func TestDocumented(t *testing.T) {
	docs, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		eachKey(v, func(key string) {
			if !strings.Contains(string(docs), "`"+key+"`") && !strings.Contains(string(docs), `"`+key+`"`) {
				t.Errorf("%s: the key %s is not documented", name, key)
			}
		})
	}
	comment, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^//\t(GET|POST) +(/v1/[a-z/{}]+)`).FindAllStringSubmatch(string(comment), -1) {
		if endpoint := found[1] + " " + found[2]; !strings.Contains(string(docs), "`"+endpoint) {
			t.Errorf("%s is not documented", endpoint)
		}
	}
}

func eachKey(v any, fn func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			fn(key)
			eachKey(value, fn)
		}
	case []any:
		for _, value := range v {
			eachKey(value, fn)
		}
	}
}
