package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records/nextflow"
	"github.com/dagscope/dagscope/metricsstore/records/snakemake"
	"github.com/dagscope/dagscope/web/api"
)

// Messages receives messages of a tool, each about one run: an object of JSON, or several of them, a line each.
type Messages struct {
	*Receiver
	expected string // what a message is
}

// NewNextflow returns what receives the messages that Nextflow sends with -with-weblog.
func NewNextflow(cfg Config) (*Messages, error) {
	return newMessages(cfg, Source{
		Record: "run", Records: "runs of Nextflow", Parts: "messages", Root: "the run",
		System: nextflow.System, Format: nextflow.New(), File: "weblog", Read: nextflow.Message, KeyOf: nextflow.KeyOf, Least: 1,
	}, "a message of Nextflow with runId, runName, event and utcTime")
}

// NewSnakemake returns what receives the messages of the plugin for Snakemake.
func NewSnakemake(cfg Config) (*Messages, error) {
	return newMessages(cfg, Source{
		Record: "run", Records: "runs of Snakemake", Parts: "messages", Root: "the run",
		System: snakemake.System, Format: snakemake.New(), File: "log", Read: snakemake.Message, KeyOf: snakemake.KeyOf, Least: 1,
	}, "a message of the plugin that dagscope import --snippet snakemake prints")
}

func newMessages(cfg Config, source Source, expected string) (*Messages, error) {
	r, err := New(cfg, source)
	if err != nil {
		return nil, err
	}
	return &Messages{r, expected}, nil
}

// ServeHTTP answers POST with how many messages are kept, and how many are not, since nothing can be added to their runs any
// more. It answers 400 if anything is no message, 413 above Config.MaxBody, 415 for what is no JSON, and 429 or 503 with
// Retry-After as Refusal has it; then nothing is kept.
func (m *Messages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && kind != "application/x-ndjson" {
		api.WriteProblem(w, r, api.NewProblem(http.StatusUnsupportedMediaType,
			"Content-Type is %.100q, expected application/json or application/x-ndjson", r.Header.Get("Content-Type")))
		return
	}
	body, status, err := m.Body(w, r)
	if err != nil {
		api.WriteProblem(w, r, api.NewProblem(status, "%v", err))
		return
	}
	lines, err := m.lines(body)
	if err != nil {
		api.WriteProblem(w, r, api.NewProblem(http.StatusBadRequest, "%v", err))
		return
	}
	late, err := m.Accept(r.Context(), lines)
	if err != nil {
		status, err := m.Refusal(err)
		w.Header().Set("Retry-After", strconv.Itoa(int(RetryAfter.Seconds())))
		api.WriteProblem(w, r, api.NewProblem(status, "%v", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]int{"accepted": len(lines) - len(late), "rejected": len(late)}) // the client may be gone
}

// Refuse answers where nothing can be received, with 501 and the reason. Clients do not try again.
func Refuse(reason string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.WriteProblem(w, r, api.NewProblem(http.StatusNotImplemented, "%s", reason))
	})
}

// lines takes a body apart: one message that may have line breaks in it, or a message a line.
func (m *Messages) lines(body []byte) ([]Line, error) {
	if json.Valid(body) {
		var one bytes.Buffer
		if err := json.Compact(&one, body); err != nil {
			return nil, err
		}
		body = one.Bytes()
	}
	var lines []Line
	number := 0
	for text := range bytes.Lines(body) {
		number++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		key, parts := m.source.Read(text)
		if key == "" || len(key) > maxKey || strings.ContainsFunc(key, isControl) {
			return nil, fmt.Errorf("line %d begins with %.40q, expected %s", number, text, m.expected)
		}
		lines = append(lines, Line{Key: key, Text: append(bytes.Clone(text), '\n'), Parts: parts})
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("the body is empty, expected %s", m.expected)
	}
	return lines, nil
}

// maxKey bounds the keys of runs, in bytes.
const maxKey = 200

func isControl(c rune) bool { return c < ' ' || c == 0x7f }
