package classify

import (
	"embed"
	"sync"
)

//go:embed packs/*.hcl
var packFiles embed.FS

// Providers gives the names of all providers that there is a built-in pack for.
// The first is "generic", whose rules are for everybody.
func Providers() []string {
	return []string{
		"generic", "ses", "sendgrid", "mailgun", "postmark", "microsoft365",
		"gmail", "tencent", "netease", "aliyun",
	}
}

// builtIn gives the built-in packs, the generic one last. They are constant:
// reading them takes some milliseconds and is done once. Nobody changes them.
var builtIn = sync.OnceValues(readBuiltIn)

func readBuiltIn() ([]Pack, error) {
	names := Providers()
	var packs []Pack
	for _, name := range append(names[1:], names[0]) {
		src, err := packFiles.ReadFile("packs/" + name + ".hcl")
		if err != nil {
			return nil, err
		}
		p, err := ParsePack(name, name+".hcl", src)
		if err != nil {
			return nil, err
		}
		packs = append(packs, p)
	}
	return packs, nil
}
