package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 30 * time.Second // for an answer that is one value

	// maxLine bounds a message object, in bytes: one with the most recipients
	// that a listener can be told to take stays below.
	maxLine = 256 << 20
)

// Client is the Queue of the daemon that listens on a socket.
type Client struct {
	socket string
	http   *http.Client
}

var _ Queue = (*Client)(nil)

// NewClient makes a client. It connects when it is asked something; where
// nobody listens, errors match fs.ErrNotExist or syscall.ECONNREFUSED, where
// the socket is not for the caller, fs.ErrPermission.
func NewClient(socket string) *Client {
	dialer := net.Dialer{Timeout: dialTimeout}
	return &Client{socket: socket, http: &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", socket)
			},
			MaxIdleConnsPerHost: 1,
			DisableCompression:  true,
		},
		// The daemon never redirects; whoever does is somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// APIError is an answer of the daemon that says no.
type APIError struct {
	Status int    // of HTTP
	Line   string // one line, for people

	Diagnostics []Diagnostic // of a configuration that was refused
}

// Error gives the line.
func (e *APIError) Error() string { return e.Line }

// Is maps statuses to the errors that a Queue promises.
func (e *APIError) Is(target error) bool {
	switch target {
	case spool.ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrGone:
		return e.Status == http.StatusGone
	case spool.ErrClosed:
		return e.Status == http.StatusServiceUnavailable
	}
	return false
}

// Version asks what answers.
func (c *Client) Version(ctx context.Context) (v Version, err error) {
	return v, c.object(ctx, "/v1/version", &v)
}

// List gives message objects; see Queue. A filter that few messages meet may
// take its time: only ctx bounds it.
func (c *Client) List(ctx context.Context, f spool.Filter, fn func(Message) error) error {
	path := "/v1/messages"
	if q := filterQuery(f); len(q) > 0 {
		path += "?" + q.Encode()
	}
	return eachLine(ctx, c, path, fn)
}

// eachLine reads an answer that is a value per line.
func eachLine[T any](ctx context.Context, c *Client, path string, fn func(T) error) error {
	return eachLineOf(ctx, c, path, func() {}, fn)
}

// eachLineOf is eachLine that calls begun once the answer has begun.
func eachLineOf[T any](ctx context.Context, c *Client, path string, begun func(), fn func(T) error) error {
	body, err := c.ask(ctx, http.MethodGet, path)
	if err != nil {
		return err
	}
	defer body.Close()
	begun()
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for lines.Scan() {
		var value T
		var failed failure
		into := any(&value)
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"error":`)) {
			into = &failed
		}
		if err := json.Unmarshal(lines.Bytes(), into); err != nil {
			return fmt.Errorf("the answer on %s is not understood: %w", c.socket, err)
		}
		if failed.Error != "" {
			return &APIError{Status: http.StatusInternalServerError, Line: failed.Error}
		}
		if err := fn(value); err != nil {
			return err
		}
	}
	return broken(lines.Err())
}

// allLines gathers an answer that is a value per line.
func allLines[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var all []T
	return all, eachLine(ctx, c, path, func(v T) error { all = append(all, v); return nil })
}

// Watch calls fn for each event of the running daemon from now on, until ctx
// ends, fn returns an error, which Watch returns, or the daemon stops. begun is
// called when the daemon has begun to tell. Who is slower than the daemon for
// long is dropped by it, with an error.
func (c *Client) Watch(ctx context.Context, begun func(), fn func(LiveEvent) error) error {
	return eachLineOf(ctx, c, "/v1/events", begun, fn)
}

// Get gives one message object; see Queue.
func (c *Client) Get(ctx context.Context, id relay.ID) (m Message, err error) {
	return m, c.object(ctx, "/v1/messages/"+url.PathEscape(string(id)), &m)
}

// Raw gives a body; see Queue.
func (c *Client) Raw(ctx context.Context, id relay.ID) (io.ReadCloser, error) {
	body, err := c.ask(ctx, http.MethodGet, "/v1/messages/"+url.PathEscape(string(id))+"/raw")
	if err != nil {
		return nil, err
	}
	return rawReader{body}, nil
}

// Stats counts; see Queue.
func (c *Client) Stats(ctx context.Context) (s Stats, err error) {
	return s, c.object(ctx, "/v1/stats", &s)
}

// Incidents gives the open incidents, or all; see Queue.
func (c *Client) Incidents(ctx context.Context, all bool) ([]Incident, error) {
	path := "/v1/incidents"
	if all {
		path += "?all=1"
	}
	return allLines[Incident](ctx, c, path)
}

// Incident gives one incident; see Queue.
func (c *Client) Incident(ctx context.Context, number int64) (i Incident, err error) {
	return i, c.object(ctx, fmt.Sprintf("/v1/incidents/%d", number), &i)
}

// Close ends the kept connection.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// object reads an answer that is one JSON value.
func (c *Client) object(ctx context.Context, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return c.value(ctx, http.MethodGet, path, v)
}

func (c *Client) value(ctx context.Context, method, path string, v any) error {
	body, err := c.ask(ctx, method, path)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(io.LimitReader(body, maxLine)).Decode(v); err != nil {
		return fmt.Errorf("the answer on %s is not understood: %w", c.socket, err)
	}
	return nil
}

// ask gives the body of a good answer. The caller closes it.
func (c *Client) ask(ctx context.Context, method, path string) (io.ReadCloser, error) {
	resp, err := c.request(ctx, method, path)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// request gives a good answer. The caller closes its body.
func (c *Client) request(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://relaykeep"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	var asked *url.Error
	switch {
	case errors.As(err, &asked):
		return nil, asked.Err // without the made-up address
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusOK:
		return resp, nil
	}
	defer resp.Body.Close()
	var said refusal
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&said) != nil || said.Error == "" {
		said.Error = fmt.Sprintf("what answers on %s is not relaykeep: %s", c.socket, resp.Status)
	}
	return nil, &APIError{Status: resp.StatusCode, Line: said.Error, Diagnostics: said.Diagnostics}
}

// broken explains an answer that ended early.
func broken(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the daemon broke off, its log says why: %w", err)
	}
	return err
}

// rawReader explains why a body ended early.
type rawReader struct{ io.ReadCloser }

func (r rawReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	return n, broken(err)
}
