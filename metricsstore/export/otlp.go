package export

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// WriteOTLP writes a run as one trace in OTLP JSON: the root span is the run, and each attempt is a span in it, from the
// claim to the end, with its phases as attributes and a link to each task that it waited for. IDs follow from the IDs of
// run and node, so a run that is written twice is one trace. Up to 200,000 links are written; the root says so in
// dagscope.dependencies_left_out where there are more.
func WriteOTLP(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID) error {
	d := &document{out: bufio.NewWriter(w)}
	d.text(`{"resourceSpans":[`)
	err := eachPart(ctx, q, run, func(p *otlpPart) error {
		d.element(p)
		return d.err
	})
	if err != nil {
		return err
	}
	d.text("\n]}\n")
	return errors.Join(d.err, d.out.Flush())
}

// requestSize is from how many bytes on a request is sent.
const requestSize = 512 << 10

// OTLPRequests passes on what WriteOTLP writes, as requests to a collector of some 0.5 MiB, the root span in the last one.
// The error is that of send, or as of WriteOTLP.
func OTLPRequests(ctx context.Context, q *metricsstore.Queries, run record.RunID, send func(body []byte) error) error {
	var parts []*otlpPart
	size := 0
	flush := func() error {
		body, err := json.Marshal(map[string]any{"resourceSpans": parts})
		parts, size = nil, 0
		if err != nil {
			return err
		}
		return send(body)
	}
	err := eachPart(ctx, q, run, func(p *otlpPart) error {
		parts = append(parts, p)
		if size += p.size(); size < requestSize {
			return nil
		}
		return flush()
	})
	if err != nil || len(parts) == 0 {
		return err
	}
	return flush()
}

// eachPart calls f for all parts of a run, the root last.
func eachPart(ctx context.Context, q *metricsstore.Queries, run record.RunID, f func(*otlpPart) error) error {
	kept, err := q.Run(ctx, run)
	if err != nil {
		return err
	}
	workers, err := q.Workers(ctx, run)
	if err != nil {
		return err
	}
	decoder, log, err := q.Decode(ctx, run)
	if err != nil {
		return err
	}
	o := &spans{
		emit: f, queries: q, kept: &kept, waits: waits{decoder.Numbering()},
		last: map[dag.NodeID]string{}, workers: map[int]*record.WorkerRecord{}, until: kept.Info.StartedAt,
	}
	for i := range workers {
		o.workers[workers[i].Worker] = &workers[i]
	}
	if err := o.attempts(ctx, decoder, log); err != nil {
		return err
	}
	return o.root(ctx)
}

// spansInPart is how many spans are written with one mention of their resource, if one worker made them all.
const spansInPart = 512

// spans writes attempts as spans; those of one worker follow one another under its resource.
type spans struct {
	waits
	emit    func(*otlpPart) error
	queries *metricsstore.Queries
	kept    *metricsstore.Run
	workers map[int]*record.WorkerRecord
	pending []otlpSpan
	by      []int                 // the workers of pending
	last    map[dag.NodeID]string // the span of the last attempt of each task
	links   int
	leftOut bool
	until   time.Time
	room    []dag.NodeID
}

type otlpSpan struct {
	Trace      string          `json:"traceId"`
	ID         string          `json:"spanId"`
	Parent     string          `json:"parentSpanId,omitempty"`
	Name       string          `json:"name"`
	Kind       int             `json:"kind"` // 1: internal
	Start      string          `json:"startTimeUnixNano"`
	End        string          `json:"endTimeUnixNano,omitempty"`
	Attributes []otlpAttribute `json:"attributes"`
	Events     []otlpEvent     `json:"events,omitempty"`
	Links      []otlpLink      `json:"links,omitempty"`
	Status     otlpStatus      `json:"status"`
}

type otlpAttribute struct {
	Key   string            `json:"key"`
	Value map[string]string `json:"value"` // one member: stringValue, or intValue, which JSON writes as a string
}

type otlpEvent struct {
	At         string          `json:"timeUnixNano"`
	Name       string          `json:"name"`
	Attributes []otlpAttribute `json:"attributes"`
}

type otlpLink struct {
	Trace string `json:"traceId"`
	Span  string `json:"spanId"`
}

// otlpStatus has code 1 for success and 2 for an error.
type otlpStatus struct {
	Code    int    `json:"code"`
	Message string `json:"message,omitempty"`
}

func text(key, value string) otlpAttribute {
	return otlpAttribute{key, map[string]string{"stringValue": value}}
}

func number(key string, value int64) otlpAttribute {
	return otlpAttribute{key, map[string]string{"intValue": strconv.FormatInt(value, 10)}}
}

func nano(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func (o *spans) traceID() string {
	sum := sha256.Sum256([]byte("run " + o.kept.Info.ID))
	return hex.EncodeToString(sum[:16])
}

func (o *spans) spanID(of string) string {
	sum := sha256.Sum256([]byte("span " + string(o.kept.Info.ID) + " " + of))
	return hex.EncodeToString(sum[:8])
}

const rootSpan = "root"

// attempts writes all attempts that are kept.
func (o *spans) attempts(ctx context.Context, decoder *record.Decoder, log *metricsstore.LogReader) error {
	var records []record.TaskMetrics
	err := log.Each(ctx, func(steps []record.Step) error {
		records = decoder.Metrics(records[:0], steps)
		for i := range records {
			if err := o.attempt(ctx, &records[i]); err != nil {
				return err
			}
		}
		if err := decoder.Err(); err != nil {
			return fmt.Errorf("%w: run %s: %w", metricsstore.ErrCorrupt, o.kept.Info.ID, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return o.flush()
}

func (o *spans) attempt(ctx context.Context, m *record.TaskMetrics) error {
	start := m.StartedAt.Add(-m.Wait - m.Fetch)
	end := m.StartedAt.Add(m.Execute + m.Store + m.Update)
	s := otlpSpan{
		Trace: o.traceID(), ID: o.spanID(fmt.Sprint(m.Node, " ", m.Epoch, " ", m.Attempt)), Parent: o.spanID(rootSpan),
		Name: m.Task.Function, Kind: 1, Start: nano(start), End: nano(end), Attributes: attributes(m), Links: o.linksOf(m.Node),
		Status: otlpStatus{Code: 1},
	}
	if end.After(o.until) {
		o.until = end
	}
	if !m.Outcome.Done() {
		key := metricsstore.DetailKey{Revision: uint32(m.Revision), Node: m.Node, Epoch: uint16(m.Epoch), Attempt: uint16(m.Attempt)}
		d, err := o.queries.Detail(ctx, m.Run, key)
		if err != nil && !errors.Is(err, metricsstore.ErrNotFound) {
			return err
		}
		s.fail(m.Outcome.String(), end, d.Error)
	}
	o.last[m.Node] = s.ID
	o.pending, o.by = append(o.pending, s), append(o.by, m.Worker)
	if len(o.pending) == spansInPart {
		return o.flush()
	}
	return nil
}

// fail says that a span failed, and why if that is kept.
func (s *otlpSpan) fail(outcome string, at time.Time, e *record.ErrorRecord) {
	s.Status = otlpStatus{2, outcome}
	if e == nil {
		return
	}
	s.Status.Message = e.Message
	event := otlpEvent{nano(at), "exception", []otlpAttribute{text("exception.type", string(e.Kind)), text("exception.message", e.Message)}}
	if e.Stack != "" {
		event.Attributes = append(event.Attributes, text("exception.stacktrace", e.Stack))
	}
	s.Events = []otlpEvent{event}
}

// attributes are what is known of an attempt; sizes that are not known are left out.
func attributes(m *record.TaskMetrics) []otlpAttribute {
	out := []otlpAttribute{
		text("dagscope.run", string(m.Run)), text("dagscope.workflow", m.Workflow), text("dagscope.task", m.Task.String()),
		number("dagscope.node", int64(m.Node)), number("dagscope.epoch", int64(m.Epoch)), number("dagscope.attempt", int64(m.Attempt)),
		number("dagscope.worker", int64(m.Worker)), number("dagscope.slot", int64(m.Slot)), text("dagscope.outcome", m.Outcome.String()),
		number("dagscope.queue_ns", int64(m.Queue)), number("dagscope.wait_ns", int64(m.Wait)), number("dagscope.fetch_ns", int64(m.Fetch)),
		number("dagscope.execute_ns", int64(m.Execute)), number("dagscope.store_ns", int64(m.Store)), number("dagscope.update_ns", int64(m.Update)),
	}
	if m.Task.Name != "" {
		out = append(out, text("dagscope.name", m.Task.Name))
	}
	known := func(key string, n int64) {
		if n >= 0 {
			out = append(out, number("dagscope."+key, n))
		}
	}
	known("input_bytes", m.Input)
	known("output_bytes", m.Output)
	known("stored_bytes", m.Stored)
	if u := m.Usage; u != nil {
		known("cpu_ns", int64(u.CPU))
		known("memory_bytes", u.MemoryBytes)
		known("read_bytes", u.ReadBytes)
		known("written_bytes", u.WrittenBytes)
		known("system_ns", int64(u.System))
	}
	return out
}

// linksOf links to the last attempts of the tasks that a node waited for.
func (o *spans) linksOf(node dag.NodeID) []otlpLink {
	if o.leftOut {
		return nil
	}
	o.room = o.tasks(o.room[:0], o.numbering.Locate(node))
	slices.Sort(o.room)
	var out []otlpLink
	for _, from := range slices.Compact(o.room) {
		id, ended := o.last[from]
		if !ended { // its end is in a part of the log that was not kept
			continue
		}
		if o.links == maxFlows {
			o.leftOut = true
			break
		}
		o.links++
		out = append(out, otlpLink{o.traceID(), id})
	}
	return out
}

type otlpScope struct {
	Scope map[string]string `json:"scope"`
	Spans []otlpSpan        `json:"spans"`
}

type otlpPart struct {
	Resource struct {
		Attributes []otlpAttribute `json:"attributes"`
	} `json:"resource"`
	Scopes []otlpScope `json:"scopeSpans"`
}

// size is about how many bytes a part takes in JSON: 600 for a span with its attributes, and 80 for a link.
func (p *otlpPart) size() int {
	size := 0
	for _, s := range p.Scopes[0].Spans {
		size += 600 + 80*len(s.Links)
	}
	return size
}

// flush passes on what is pending, by worker.
func (o *spans) flush() error {
	for _, worker := range slices.Compact(slices.Sorted(slices.Values(o.by))) {
		var own []otlpSpan
		for i := range o.pending {
			if o.by[i] == worker {
				own = append(own, o.pending[i])
			}
		}
		if err := o.part(o.resource(worker), own); err != nil {
			return err
		}
	}
	o.pending, o.by = o.pending[:0], o.by[:0]
	return nil
}

func (o *spans) part(resource []otlpAttribute, own []otlpSpan) error {
	p := &otlpPart{Scopes: []otlpScope{{map[string]string{"name": "dagscope"}, own}}}
	p.Resource.Attributes = resource
	return o.emit(p)
}

// resource is a worker: an instance of the engine.
func (o *spans) resource(worker int) []otlpAttribute {
	name, w := "worker "+strconv.Itoa(worker), o.workers[worker]
	if w == nil {
		w = &record.WorkerRecord{}
	}
	out := []otlpAttribute{text("service.name", o.kept.Info.Engine()), text("service.instance.id", cmp.Or(w.Name, name))}
	if w.Host != "" {
		out = append(out, text("host.name", w.Host))
	}
	if w.PID > 0 {
		out = append(out, number("process.pid", int64(w.PID)))
	}
	return out
}

// root writes the span of the run, which readers want last.
func (o *spans) root(ctx context.Context) error {
	info := &o.kept.Info
	end, err := o.queries.End(ctx, info.ID)
	if err != nil && !errors.Is(err, metricsstore.ErrNotFound) {
		return err
	}
	s := otlpSpan{
		Trace: o.traceID(), ID: o.spanID(rootSpan), Name: info.Workflow, Kind: 1, Start: nano(info.StartedAt), Status: otlpStatus{Code: 1},
		Attributes: []otlpAttribute{
			text("dagscope.run", string(info.ID)), text("dagscope.workflow", info.Workflow), text("dagscope.status", string(o.kept.Status)),
			number("dagscope.revision", int64(info.Revision)),
		},
	}
	if o.leftOut {
		s.Attributes = append(s.Attributes, text("dagscope.dependencies_left_out", "true"))
	}
	switch {
	case err != nil: // it has not ended
		s.Status.Code = 0
	default:
		if end.EndedAt.After(o.until) {
			o.until = end.EndedAt
		}
		s.End = nano(o.until)
		if o.kept.Status != record.Succeeded {
			s.fail(string(o.kept.Status), o.until, end.First)
		}
	}
	return o.part([]otlpAttribute{text("service.name", info.Engine())}, []otlpSpan{s})
}
