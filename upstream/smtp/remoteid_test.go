package smtp

import "testing"

func TestRemoteID(t *testing.T) {
	for text, want := range map[string]string{
		"Ok: queued as 4VbX2k1z9":                                         "4VbX2k1z9",
		"Ok: queued as <4VbX2k1z9>":                                       "4VbX2k1z9",
		"OK Queued as 8c5f-11":                                            "8c5f-11",
		"Mail OK queued as smtp5,wKgB1700000000":                          "smtp5,wKgB1700000000",
		"Ok: queued as .":                                                 "",
		"Data Ok: queued as freedom":                                      "",
		"Data Ok: queued as freedom ###envid=2001":                        "2001",
		"OK  1700000000 d2e1a72fcca58-6c7d2b1si123.4 - gsmtp":             "d2e1a72fcca58-6c7d2b1si123.4",
		"Ok 0102018e0a1b2c3d-11111111-2222-3333-4444-555555555555-000000": "0102018e0a1b2c3d-11111111-2222-3333-4444-555555555555-000000",
		"OK id=1rXyZ1-0001Ab-2C":                                          "1rXyZ1-0001Ab-2C",
		"<a@x> [InternalId=37, Hostname=AM9] Queued mail for delivery":    "37",
		"3k2j1hQ4012345 Message accepted for delivery":                    "3k2j1hQ4012345",
		"Message accepted for delivery":                                   "",
		"OK 0F/A1-12345-6789":                                             "0F/A1-12345-6789",
		"ok 1700000000 qp 12345":                                          "1700000000",
		"Ok":                                                              "",
		"Ok, thanks":                                                      "",
		"Great success":                                                   "",
		"":                                                                "",
		"Ok: queued as 12\nmore":                                          "12",
	} {
		if got := remoteID(text); got != want {
			t.Errorf("remoteID(%q) is %q, want %q", text, got, want)
		}
	}
}
