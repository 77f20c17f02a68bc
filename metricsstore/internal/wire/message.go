package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Request holds the arguments of any call, as CBOR. It is sent between processes, which may be of two versions, and
// written into the logs of runs, so its keys only ever grow. Headers are JSON, as they are in the data file.
type Request struct {
	Run         record.RunID             `cbor:"1,keyasint,omitempty"`
	Header      []byte                   `cbor:"2,keyasint,omitempty"`
	Data        []byte                   `cbor:"3,keyasint,omitempty"` // the shape, or an annotation as JSON
	Blocks      []metricsstore.Block     `cbor:"4,keyasint,omitempty"`
	Details     []metricsstore.DetailRow `cbor:"5,keyasint,omitempty"`
	Workers     []metricsstore.WorkerRow `cbor:"6,keyasint,omitempty"`
	Owner       string                   `cbor:"7,keyasint,omitempty"`
	Attachments map[string][]byte        `cbor:"8,keyasint,omitempty"`
	Rollups     []metricsstore.Rollup    `cbor:"9,keyasint,omitempty"`
	Until       time.Time                `cbor:"10,keyasint,omitzero"`
	Now         time.Time                `cbor:"11,keyasint,omitzero"`
	Position    metricsstore.Position    `cbor:"12,keyasint,omitzero"`
	Detail      metricsstore.DetailKey   `cbor:"13,keyasint,omitzero"`
	Query       metricsstore.RollupQuery `cbor:"14,keyasint,omitzero"`
	Name        string                   `cbor:"15,keyasint,omitempty"`
	Seq         uint64                   `cbor:"16,keyasint,omitempty"` // a step, how much of a log is meant, or the number of a change
	Limit       int                      `cbor:"17,keyasint,omitempty"`
}

// Response holds the results of any call, as CBOR.
type Response struct {
	// Code names the error, empty for none; Text is its text.
	Code    string                   `cbor:"1,keyasint,omitempty"`
	Text    string                   `cbor:"2,keyasint,omitempty"`
	Data    []byte                   `cbor:"3,keyasint,omitempty"` // an attachment, or runs as JSON
	Blocks  []metricsstore.Block     `cbor:"4,keyasint,omitempty"`
	Details []metricsstore.DetailRow `cbor:"5,keyasint,omitempty"`
	Workers []metricsstore.WorkerRow `cbor:"6,keyasint,omitempty"`
	Rollups []metricsstore.Rollup    `cbor:"7,keyasint,omitempty"`
	Changed []record.RunID           `cbor:"8,keyasint,omitempty"`
	Latest  uint64                   `cbor:"9,keyasint,omitempty"` // number of a change
	Partial bool                     `cbor:"10,keyasint,omitempty"`
}

// maxElements bounds the lists of one message. Their memory is bounded by the size of the message.
const maxElements = 1 << 28

// Coding is how requests and responses become bytes.
type Coding struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

// NewCoding makes a Coding; it fails only where its options are wrong.
func NewCoding() (*Coding, error) {
	enc, err := cbor.EncOptions{Time: cbor.TimeRFC3339Nano}.EncMode()
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	dec, err := cbor.DecOptions{
		MaxArrayElements: maxElements, MaxMapPairs: maxElements, UTF8: cbor.UTF8DecodeInvalid, // names may be any bytes
	}.DecMode()
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return &Coding{enc, dec}, nil
}

// Encode encodes a request or a response.
func (c *Coding) Encode(v any) ([]byte, error) { return c.enc.Marshal(v) }

// Request decodes a request; the error is metricsstore.ErrCorrupt.
func (c *Coding) Request(data []byte) (*Request, error) {
	var q Request
	if err := c.dec.Unmarshal(data, &q); err != nil {
		return nil, fmt.Errorf("%w: %w", metricsstore.ErrCorrupt, err)
	}
	return &q, nil
}

// BeginRequest is the arguments of Store.Begin.
func BeginRequest(h *metricsstore.Header, shape []byte) (*Request, error) {
	header, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("embedded: header of run %s: %w", h.Info.ID, err)
	}
	return &Request{Run: h.Info.ID, Header: header, Data: shape}, nil
}

// AppendRequest is the arguments of Store.Append.
func AppendRequest(run record.RunID, b *metricsstore.Batch) *Request {
	return &Request{Run: run, Blocks: b.Blocks, Details: b.Details, Workers: b.Workers}
}

// ArchiveRequest is the arguments of Store.Archive.
func ArchiveRequest(run record.RunID, a *metricsstore.Archive) (*Request, error) {
	header, err := json.Marshal(&a.Header)
	if err != nil {
		return nil, fmt.Errorf("embedded: header of run %s: %w", run, err)
	}
	return &Request{
		Run: run, Header: header, Owner: a.Owner, Attachments: a.Attachments, Rollups: a.Rollups, Blocks: a.Blocks,
	}, nil
}

// AcquireRequest is the arguments of Store.Acquire.
func AcquireRequest(run record.RunID, l metricsstore.Lease, now time.Time) *Request {
	return &Request{Run: run, Owner: l.Owner, Until: l.Until, Now: now}
}

// Head decodes Header; the error is metricsstore.ErrCorrupt.
func (q *Request) Head() (metricsstore.Header, error) {
	var h metricsstore.Header
	err := parse("header", q.Header, &h)
	return h, err
}

// Batch is the batch of an AppendRequest.
func (q *Request) Batch() metricsstore.Batch {
	return metricsstore.Batch{Blocks: q.Blocks, Details: q.Details, Workers: q.Workers}
}

// Archive is the archive of an ArchiveRequest.
func (q *Request) Archive() (metricsstore.Archive, error) {
	h, err := q.Head()
	return metricsstore.Archive{
		Owner: q.Owner, Header: h, Attachments: q.Attachments, Rollups: q.Rollups, Blocks: q.Blocks,
	}, err
}

// Lease is the lease of an AcquireRequest.
func (q *Request) Lease() metricsstore.Lease {
	return metricsstore.Lease{Owner: q.Owner, Until: q.Until}
}

// coded lists the errors that keep their meaning between processes, by their codes.
func coded() map[string]error {
	return map[string]error{
		"not_found": metricsstore.ErrNotFound, "exists": metricsstore.ErrExists, "conflict": metricsstore.ErrConflict,
		"stale": metricsstore.ErrStale, "lease": metricsstore.ErrLease, "live": metricsstore.ErrLive,
		"invalid": metricsstore.ErrInvalid, "corrupt": metricsstore.ErrCorrupt, "gone": ErrGone,
	}
}

// fail puts an error into a response.
func (r *Response) fail(err error) {
	if errors.Is(err, metricsstore.ErrClosed) {
		err = fmt.Errorf("%w: %w", ErrGone, err) // the owner goes, the folder stays
	}
	r.Code, r.Text = "other", err.Error()
	for code, sentinel := range coded() {
		if errors.Is(err, sentinel) {
			r.Code = code
		}
	}
}

// failure is the inverse of fail.
func (r *Response) failure() error {
	if r.Code == "" {
		return nil
	}
	return &remoteError{text: r.Text, sentinel: coded()[r.Code]}
}

// remoteError is an error of the owner.
type remoteError struct {
	text     string
	sentinel error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.sentinel }

func parse(what string, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %s: %w", metricsstore.ErrCorrupt, what, err)
	}
	return nil
}
