package smtp

import (
	"strconv"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// failure is why a session could not be opened, or a transaction not be gone
// on with: an answer to classify, or a verdict of our own.
type failure struct {
	answer upstream.Answer
	local  *relay.Verdict
	step   string // the step of a probe that failed
}

// verdict is what a failure comes to.
func (t *Transport) verdict(f *failure) relay.Verdict {
	if f.local != nil {
		return *f.local
	}
	return t.classify(f.answer)
}

// unexpected reports whether a reply is neither a success nor a refusal.
func unexpected(r *reply) bool { return r.class() != 4 && r.class() != 5 }

// answer is what a refusing reply says.
func (t *Transport) answer(stage relay.Stage, r *reply) upstream.Answer {
	if unexpected(r) {
		return t.lost(stage, errUnexpected(r))
	}
	return t.said(stage, r)
}

// said is a reply as it is.
func (t *Transport) said(stage relay.Stage, r *reply) upstream.Answer {
	return upstream.Answer{
		Provider: t.o.Provider,
		Stage:    stage,
		Code:     r.code,
		Enhanced: r.enhanced,
		Text:     string(r.text[:min(len(r.text), maxAnswerText)]),
	}
}

// lost is the lack of a reply.
func (t *Transport) lost(stage relay.Stage, err error) upstream.Answer {
	return upstream.Answer{Provider: t.o.Provider, Stage: stage, Err: err}
}

// maxAnswerText bounds Answer.Text, in bytes.
const maxAnswerText = 4096

func errUnexpected(r *reply) error {
	return &ProtocolError{Reason: "unexpected reply", Got: strconv.Itoa(r.code) + " " + escape(r.text, maxGot)}
}
