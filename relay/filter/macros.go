package filter

import (
	"strconv"
	"strings"

	milter "github.com/d--j/go-milter"
)

// withMacros says which macros a filter gets at which stage that does not ask
// for its own, as Postfix has them.
func withMacros() []milter.Option {
	const id = milter.MacroQueueId
	return []milter.Option{
		milter.WithoutDefaultMacros(),
		milter.WithMacroRequest(milter.StageConnect, []milter.MacroName{
			milter.MacroMTAFQDN, milter.MacroMTAVersion, milter.MacroDaemonName, milter.MacroClientAddr,
			milter.MacroClientPort, milter.MacroClientName, milter.MacroClientPTR,
		}),
		milter.WithMacroRequest(milter.StageHelo, []milter.MacroName{
			milter.MacroTlsVersion, milter.MacroCipher, milter.MacroCipherBits,
		}),
		milter.WithMacroRequest(milter.StageMail, []milter.MacroName{
			id, milter.MacroAuthType, milter.MacroAuthAuthen,
			milter.MacroMailMailer, milter.MacroMailHost, milter.MacroMailAddr,
		}),
		milter.WithMacroRequest(milter.StageRcpt, []milter.MacroName{
			id, milter.MacroRcptMailer, milter.MacroRcptHost, milter.MacroRcptAddr,
		}),
		milter.WithMacroRequest(milter.StageData, []milter.MacroName{id}),
		milter.WithMacroRequest(milter.StageEOH, []milter.MacroName{id}),
		milter.WithMacroRequest(milter.StageEOM, []milter.MacroName{id}),
	}
}

// program is how this relay calls itself, as {v} of Sendmail.
const program = "relaykeep"

// unknownHost is the client's name, which is not looked up: the word is
// Postfix's, and filters know it.
const unknownHost = "unknown"

// macrosOf are the macros of a message but for those of its recipients.
func macrosOf(m *Mail) *milter.MacroBag {
	b := milter.NewMacroBag()
	set := func(name milter.MacroName, value string) {
		if value != "" {
			b.Set(name, strings.ReplaceAll(value, "\x00", ""))
		}
	}
	s := &m.Session
	set(milter.MacroQueueId, string(m.ID))
	set(milter.MacroMTAFQDN, m.Hostname)
	set(milter.MacroMTAVersion, program)
	set(milter.MacroDaemonName, m.Listener)
	host, _, address := s.origin()
	set(milter.MacroClientName, host)
	set(milter.MacroClientPTR, host)
	set(milter.MacroClientAddr, address)
	set(milter.MacroClientPort, strconv.Itoa(int(s.Port)))
	if s.TLS != "" {
		set(milter.MacroTlsVersion, s.TLS)
		set(milter.MacroCipher, s.Cipher)
		if s.Bits > 0 {
			set(milter.MacroCipherBits, strconv.Itoa(s.Bits))
		}
	}
	if s.User != "" {
		set(milter.MacroAuthType, s.Mechanism)
		set(milter.MacroAuthAuthen, s.User)
	}
	set(milter.MacroMailMailer, "smtp")
	set(milter.MacroMailAddr, m.From)
	set(milter.MacroMailHost, domainOf(m.From))
	set(milter.MacroRcptMailer, "smtp")
	return b
}

// origin is where a client comes from. A unix socket is told as loopback, as
// Postfix tells local submission: filters want an address.
func (s *Session) origin() (host string, family milter.ProtoFamily, address string) {
	switch {
	case !s.Client.IsValid():
		return "localhost", milter.FamilyInet, "127.0.0.1"
	case s.Client.Is4():
		return unknownHost, milter.FamilyInet, s.Client.String()
	}
	return unknownHost, milter.FamilyInet6, s.Client.String()
}

func domainOf(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}
