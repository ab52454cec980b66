package config

import (
	"strings"
	"testing"
	"time"
)

func TestBackup(t *testing.T) {
	for text, want := range map[string]Backup{
		"":                                {24 * time.Hour, 7, "/s/backup"},
		`every = "6h"`:                    {6 * time.Hour, 7, "/s/backup"},
		`keep = 3`:                        {24 * time.Hour, 3, "/s/backup"},
		`path = "/var/backups/relaykeep"`: {24 * time.Hour, 7, "/var/backups/relaykeep"},
	} {
		c, err := Parse("config.hcl", []byte("spool {\n path = \"/s/spool.db\"\n backup {\n "+text+"\n }\n}\n"+smallest), LoadOptions{})
		if err != nil || c.Spool.Backup == nil || *c.Spool.Backup != want {
			t.Errorf("%s: %+v %v", text, c, err)
		}
	}
	for text, want := range map[string]string{
		`every = "10s"`: "every: \"10s\" is too short",
		`keep = 0`:      "keep: 0 is out of range; write a number from 1 to 1000",
		`folder = "x"`:  `backup: unknown key "folder"`,
	} {
		_, err := Parse("config.hcl", []byte("spool {\n backup {\n "+text+"\n }\n}\n"+smallest), LoadOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
