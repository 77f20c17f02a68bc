package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// command is a message from a client.
type command struct {
	Type        string `json:"type"`
	Channel     uint64 `json:"channel"`
	Topic       string `json:"topic"`
	Run         string `json:"run"`
	After       uint64 `json:"after"`
	Incarnation string `json:"incarnation"`
}

// Messages to clients, by Type.
type (
	helloMessage struct {
		Type        string `json:"type"` // hello
		Version     int    `json:"version"`
		HeartbeatNS int64  `json:"heartbeat_ns"`
	}
	subscribedMessage struct {
		Type        string          `json:"type"` // subscribed
		Channel     uint64          `json:"channel"`
		Run         json.RawMessage `json:"run,omitempty"`
		Incarnation string          `json:"incarnation,omitempty"`
		Revision    int             `json:"revision"`
	}
	runMessage struct {
		Type    string          `json:"type"` // run
		Channel uint64          `json:"channel"`
		Run     json.RawMessage `json:"run"`
	}
	runsMessage struct {
		Type    string            `json:"type"` // runs
		Channel uint64            `json:"channel"`
		Runs    []json.RawMessage `json:"runs"`
	}
	storeMessage struct {
		Type  string     `json:"type"` // store
		Since *time.Time `json:"silent_since"`
	}
	heartbeatMessage struct {
		Type string            `json:"type"` // heartbeat
		Now  time.Time         `json:"now"`
		Seq  map[uint64]uint64 `json:"seq"` // by channel: the last position that was sent
	}
	errorMessage struct {
		Type    string  `json:"type"` // error
		Channel uint64  `json:"channel"`
		Problem problem `json:"problem"`
	}
	closingMessage struct {
		Type   string `json:"type"` // closing
		Reason string `json:"reason"`
	}
)

// sentSilence is the value of Hub.silent that was last sent to a client.
type sentSilence int64

// news returns the message for a client if the value has changed since the last one, else nil.
func (t *sentSilence) news(h *Hub) []byte {
	now := h.silent.Load()
	if int64(*t) == now {
		return nil
	}
	*t = sentSilence(now)
	m := storeMessage{Type: "store"}
	if now != 0 {
		since := time.Unix(0, now).UTC()
		m.Since = &since
	}
	return encode(m)
}

// protocolVersion is sent in hello.
const protocolVersion = 1

// problem is an error in the format of RFC 9457.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func newProblem(status int, format string, args ...any) problem {
	return problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// requestError is a mistake of the client.
type requestError struct{ problem problem }

func (e requestError) Error() string { return e.problem.Detail }

// errReplaced: another revision, or a longer recording, is now kept under the ID of the run that a feed follows.
var errReplaced = errors.New("live: the run was replaced")

// problemOf returns what a client gets for an error of a run; ok is false if the error also has to be logged.
func problemOf(run record.RunID, err error) (p problem, ok bool) {
	var wrong requestError
	switch {
	case errors.As(err, &wrong):
		return wrong.problem, true
	case errors.Is(err, metricsstore.ErrNotFound), errors.Is(err, engine.ErrUnknownRun):
		return newProblem(http.StatusNotFound, "there is no run %s", run), true
	case errors.Is(err, errReplaced):
		return newProblem(http.StatusGone, "run %s was replaced by another revision or a longer recording; subscribe again", run), true
	case errors.Is(err, metricsstore.ErrUnavailable):
		return newProblem(http.StatusServiceUnavailable, "the store does not answer; this is worth another try in some seconds"), true
	case errors.Is(err, metricsstore.ErrClosed):
		return newProblem(http.StatusServiceUnavailable, "the server is shutting down"), true
	}
	return newProblem(http.StatusInternalServerError, "run %s cannot be read; the server's log says why", run), false
}

// encode marshals a message. It panics if that fails, which would be a mistake of this program.
func encode(message any) []byte {
	b, err := json.Marshal(message)
	if err != nil {
		panic(fmt.Sprintf("live: %T cannot be marshalled: %v", message, err)) // a summary that is not JSON
	}
	return b
}
