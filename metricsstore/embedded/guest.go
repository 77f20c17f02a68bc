package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// watchEvery is how often a guest asks for changes while somebody waits for them.
const watchEvery = 100 * time.Millisecond

const expectPatience = 500 * time.Millisecond

// errGone: the holder does not answer, or not any more.
var errGone = errors.New("embedded: the holder of the data folder has gone")

// guest is the store through the process that holds the folder. Safe for concurrent use.
type guest struct {
	url    string
	key    string
	client *http.Client
	coding *coding
	told   *metricsstore.Changes
	stop   context.CancelFunc
	done   chan struct{} // closed when watch has returned

	polling sync.Mutex // held to poll
	heard   uint64     // the number of the last change that was told; of who polls
}

// visit asks the holder whether it is there.
func visit(ctx context.Context, h *holderFile, c *coding, told *metricsstore.Changes) (*guest, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
	}
	g := &guest{
		url: "http://" + h.Address + apiPrefix, key: h.Key, client: &http.Client{Transport: transport},
		coding: c, told: told, done: make(chan struct{}),
	}
	ping, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := g.call(ping, "ping", &request{}); err != nil {
		transport.CloseIdleConnections()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	go g.watch(watching)
	return g, nil
}

// call is one request. The error is errGone where the holder did not answer, so the call may be made again.
func (g *guest) call(ctx context.Context, name string, q *request) (*response, error) {
	data, err := g.coding.enc.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("embedded: %s: %w", name, err)
	}
	if len(data) > maxBody {
		return nil, fmt.Errorf("%w: a call of %d bytes, expected at most %d", metricsstore.ErrInvalid, len(data), maxBody)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+name, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	r.Header.Set("Authorization", "Bearer "+g.key)
	answer, err := g.client.Do(r)
	if err != nil {
		return nil, gone(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: its port answers %s", errGone, answer.Status)
	}
	if data, err = io.ReadAll(io.LimitReader(answer.Body, maxBody+1)); err != nil {
		return nil, gone(ctx, err)
	}
	var out response
	if err := g.coding.dec.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("%w: %s answers something else: %w", errGone, g.url, err)
	}
	return &out, out.failure()
}

func gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", errGone, err)
}

// do is a call without a result.
func (g *guest) do(ctx context.Context, name string, q *request) error {
	_, err := g.call(ctx, name, q)
	return err
}

// change is do, and tells of it.
func (g *guest) change(ctx context.Context, name string, q *request) error {
	err := g.do(ctx, name, q)
	if err == nil {
		g.told.Tell(q.Run)
	}
	return err
}

// Changed asks for the changes before it, so that those wake nobody any more. Where the holder takes long to answer, some
// may.
func (g *guest) Changed(run engine.RunID) <-chan struct{} {
	ctx, cancel := context.WithTimeout(context.Background(), expectPatience)
	defer cancel()
	g.poll(ctx)
	return g.told.Wait(run)
}

// watch tells of changes while any are waited for.
func (g *guest) watch(ctx context.Context) {
	defer close(g.done)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if g.told.Waiting() {
				g.poll(ctx)
			}
		}
	}
}

// poll tells of what has changed since the poll before. Where that is not known, readers find out by themselves.
func (g *guest) poll(ctx context.Context) {
	g.polling.Lock()
	defer g.polling.Unlock()
	list, err := g.ChangedSince(ctx, g.heard)
	if err != nil || list.Partial {
		g.told.TellAll()
	}
	for _, run := range list.Runs {
		g.told.Tell(run)
	}
	if err == nil {
		g.heard = list.Latest
	}
}

// ChangedSince is that of the holder.
func (g *guest) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	out, err := g.call(ctx, "changed", &request{Seq: number})
	if err != nil {
		return metricsstore.ChangeList{}, err
	}
	return metricsstore.ChangeList{Runs: out.Changed, Latest: out.Latest, Partial: out.Partial}, nil
}

// Close lets the holder be.
func (g *guest) Close() error {
	g.stop()
	<-g.done
	g.client.CloseIdleConnections()
	return nil
}

func (g *guest) adopt(ctx context.Context, run engine.RunID, offset int64) error {
	return g.do(ctx, "adopt", &request{Run: run, Seq: uint64(offset)})
}

// Begin implements metricsstore.Store, as do the rest.
func (g *guest) Begin(ctx context.Context, h metricsstore.Header, shape []byte) error {
	q, err := beginRequest(&h, shape)
	if err != nil {
		return err
	}
	return g.change(ctx, "begin", q)
}

func (g *guest) Append(ctx context.Context, run engine.RunID, b metricsstore.Batch) error {
	return g.change(ctx, "append", appendRequest(run, &b))
}

func (g *guest) Archive(ctx context.Context, run engine.RunID, a metricsstore.Archive) error {
	q, err := archiveRequest(run, &a)
	if err != nil {
		return err
	}
	return g.change(ctx, "archive", q)
}

func (g *guest) Annotate(ctx context.Context, run engine.RunID, a metricsstore.Annotation) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("embedded: annotation: %w", err)
	}
	return g.change(ctx, "annotate", &request{Run: run, Data: data})
}

func (g *guest) Delete(ctx context.Context, run engine.RunID) error {
	return g.change(ctx, "delete", &request{Run: run})
}

func (g *guest) Acquire(ctx context.Context, run engine.RunID, l metricsstore.Lease, now time.Time) error {
	return g.do(ctx, "acquire", acquireRequest(run, l, now))
}

func (g *guest) Release(ctx context.Context, run engine.RunID, owner string) error {
	return g.do(ctx, "release", &request{Run: run, Owner: owner})
}

func (g *guest) Check(ctx context.Context) error   { return g.do(ctx, "check", &request{}) }
func (g *guest) Compact(ctx context.Context) error { return g.do(ctx, "compact", &request{}) }

func (g *guest) runs(ctx context.Context, name string, q *request) ([]metricsstore.Run, error) {
	out, err := g.call(ctx, name, q)
	if err != nil {
		return nil, err
	}
	var runs []metricsstore.Run
	return runs, parse("runs", out.Data, &runs)
}

func (g *guest) Run(ctx context.Context, run engine.RunID) (metricsstore.Run, error) {
	runs, err := g.runs(ctx, "run", &request{Run: run})
	if err != nil || len(runs) != 1 {
		return metricsstore.Run{}, err
	}
	return runs[0], nil
}

func (g *guest) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	return g.runs(ctx, "runs", &request{Position: after, Limit: limit})
}

func (g *guest) Attachment(ctx context.Context, run engine.RunID, name string) ([]byte, error) {
	out, err := g.call(ctx, "attachment", &request{Run: run, Name: name})
	if err != nil {
		return nil, err
	}
	return out.Data, nil
}

func (g *guest) Log(ctx context.Context, run engine.RunID, after uint64, limit int) ([]metricsstore.Block, error) {
	out, err := g.call(ctx, "log", &request{Run: run, Seq: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	return out.Blocks, nil
}

func (g *guest) Details(ctx context.Context, run engine.RunID, from metricsstore.DetailKey, limit int) ([]metricsstore.DetailRow, error) {
	out, err := g.call(ctx, "details", &request{Run: run, Detail: from, Limit: limit})
	if err != nil {
		return nil, err
	}
	return out.Details, nil
}

func (g *guest) Workers(ctx context.Context, run engine.RunID) ([]metricsstore.WorkerRow, error) {
	out, err := g.call(ctx, "workers", &request{Run: run})
	if err != nil {
		return nil, err
	}
	return out.Workers, nil
}

func (g *guest) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	out, err := g.call(ctx, "rollups", &request{Query: q})
	if err != nil {
		return nil, err
	}
	return out.Rollups, nil
}
