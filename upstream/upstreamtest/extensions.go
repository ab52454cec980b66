package upstreamtest

import (
	"slices"
	"strconv"
	"strings"
)

// extensions are the lines of EHLO, as the session stands.
func (s *session) extensions() []string {
	o := s.srv.o
	ext := slices.Clone(o.Extensions)
	if o.MaxSize > 0 {
		ext = append(ext, "SIZE "+strconv.FormatInt(o.MaxSize, 10))
	}
	if o.Certificate != nil && !s.tls && !o.HideSTARTTLS {
		ext = append(ext, "STARTTLS")
	}
	if len(o.Mechanisms) > 0 && s.mayLogIn() {
		ext = append(ext, "AUTH "+strings.Join(o.Mechanisms, " "))
	}
	return ext
}

func (s *session) mayLogIn() bool {
	return s.tls || s.srv.o.Certificate == nil || s.srv.o.AuthInClear
}
