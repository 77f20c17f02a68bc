package code

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/web/api"
)

// runs are those that were submitted here, with the values of those that have ended. Safe for concurrent use.
type runs struct {
	most  int // active ones
	keep  time.Duration
	bytes int64

	mu     sync.Mutex
	active int                          // including those that are being submitted; guarded by mu
	known  map[record.RunID]*engine.Run // guarded by mu
	ended  []endedRun                   // the oldest first; guarded by mu
	size   int64                        // of the values of ended; guarded by mu
}

// endedRun is one whose value is kept.
type endedRun struct {
	id   record.RunID
	size int64
}

func newRuns(cfg *Config) runs {
	return runs{most: cfg.MaxRuns, keep: cfg.KeepFor, bytes: cfg.KeepBytes, known: map[record.RunID]*engine.Run{}}
}

// start submits a run, if fewer than the most are active.
func (r *runs) start(submit func() (*engine.Run, error)) (*engine.Run, error) {
	r.mu.Lock()
	if r.active >= r.most {
		r.mu.Unlock()
		return nil, api.NewProblem(http.StatusTooManyRequests, "%d runs of code are active, which is the limit; wait for one to end or cancel one", r.most)
	}
	r.active++
	r.mu.Unlock()
	started, err := submit()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.active--
		return nil, err
	}
	r.known[started.ID()] = started
	go r.follow(started)
	return started, nil
}

// follow has the value of a run leave some time after its end. A run that continues elsewhere is never done here, but then
// this process ends.
func (r *runs) follow(started *engine.Run) {
	select {
	case <-started.Done():
	case <-started.Recorded():
	}
	size := resultSize(started.Value())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	r.ended = append(r.ended, endedRun{started.ID(), size})
	for r.size += size; r.size > r.bytes && len(r.ended) > 1; {
		r.forget(r.ended[0].id)
	}
	time.AfterFunc(r.keep, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.forget(started.ID())
	})
}

// forget drops an ended run. The caller holds mu.
func (r *runs) forget(id record.RunID) {
	for i, e := range r.ended {
		if e.id == id {
			r.ended = append(r.ended[:i:i], r.ended[i+1:]...)
			r.size -= e.size
			delete(r.known, id)
			return
		}
	}
}

// get finds a run; the error is a problem.
func (r *runs) get(id string) (*engine.Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.known[record.RunID(id)]; known != nil {
		return known, nil
	}
	return nil, api.NewProblem(http.StatusNotFound,
		"this service has no value of a run %.80s: it keeps those of graphs that were submitted to it for %s after their ends", id, r.keep)
}

// values are the parts of what a run returned.
func values(result any) (parts []code.Value, isList bool) {
	switch v := result.(type) {
	case code.Value:
		return []code.Value{v}, false
	case []code.Value:
		return v, true
	default:
		return nil, false
	}
}

func resultSize(result any) (size int64) {
	parts, _ := values(result)
	for i := range parts {
		size += parts[i].Size()
	}
	return size
}

// writeResult writes each value with its length.
func writeResult(w http.ResponseWriter, result any) error {
	parts, isList := values(result)
	if parts == nil && !isList {
		return fmt.Errorf("the run returned a %T", result)
	}
	shape := "value"
	if isList {
		shape = "list"
	}
	length := 8*int64(len(parts)) + int64(len(parts)) + resultSize(result)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", fmt.Sprint(length))
	w.Header().Set("Dagscope-Result", shape)
	for i := range parts {
		raw, err := parts[i].AppendRaw(nil)
		if err != nil {
			return err
		}
		if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(raw)))); err != nil {
			return nil // the client is gone
		}
		if _, err := w.Write(raw); err != nil {
			return nil
		}
	}
	return nil
}
