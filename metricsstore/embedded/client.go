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

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// watchEvery is how often a client asks for changes while a caller waits for them.
const watchEvery = 100 * time.Millisecond

const expectPatience = 500 * time.Millisecond

// errGone: the owner does not answer, or not any more.
var errGone = errors.New("embedded: the owner of the data folder has gone")

// client is the store through the process that owns the folder. Safe for concurrent use.
type client struct {
	url     string
	key     string
	client  *http.Client
	coding  *coding
	changes *metricsstore.Changes
	stop    context.CancelFunc
	done    chan struct{} // closed when watch has returned

	polling sync.Mutex // held by poll
	latest  uint64     // number of the last change that was reported; guarded by polling
}

// dial makes a client, once the owner has answered.
func dial(ctx context.Context, h *ownerFile, cod *coding, changes *metricsstore.Changes) (*client, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
	}
	out := &client{
		url: "http://" + h.Address + apiPrefix, key: h.Key, client: &http.Client{Transport: transport},
		coding: cod, changes: changes, done: make(chan struct{}),
	}
	ping, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := out.call(ping, "ping", &request{}); err != nil {
		transport.CloseIdleConnections()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	out.stop = stop
	go out.watch(watching)
	return out, nil
}

// call makes one request. The error is errGone where the owner did not answer, so that the call may be made again.
func (c *client) call(ctx context.Context, name string, q *request) (*response, error) {
	data, err := c.coding.enc.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("embedded: %s: %w", name, err)
	}
	if len(data) > maxBody {
		return nil, fmt.Errorf("%w: a call of %d bytes, expected at most %d", metricsstore.ErrInvalid, len(data), maxBody)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+name, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	answer, err := c.client.Do(r)
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
	if err := c.coding.dec.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("%w: %s answers something else: %w", errGone, c.url, err)
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
func (c *client) do(ctx context.Context, name string, q *request) error {
	_, err := c.call(ctx, name, q)
	return err
}

// change is do, and notifies those who wait for the run.
func (c *client) change(ctx context.Context, name string, q *request) error {
	err := c.do(ctx, name, q)
	if err == nil {
		c.changes.Notify(q.Run)
	}
	return err
}

// Changed polls first, so that earlier changes do not close the channel. Where the owner takes longer than
// expectPatience to answer, they may.
func (c *client) Changed(run record.RunID) <-chan struct{} {
	ctx, cancel := context.WithTimeout(context.Background(), expectPatience)
	defer cancel()
	c.poll(ctx)
	return c.changes.Wait(run)
}

// watch polls for changes while a caller waits for any.
func (c *client) watch(ctx context.Context) {
	defer close(c.done)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if c.changes.Waiting() {
				c.poll(ctx)
			}
		}
	}
}

// poll notifies of changes since the previous poll. Where those are not known, readers have to check for themselves.
func (c *client) poll(ctx context.Context) {
	c.polling.Lock()
	defer c.polling.Unlock()
	list, err := c.ChangedSince(ctx, c.latest)
	if err != nil || list.Partial {
		c.changes.NotifyAll()
	}
	for _, run := range list.Runs {
		c.changes.Notify(run)
	}
	if err == nil {
		c.latest = list.Latest
	}
}

// ChangedSince returns the owner's list.
func (c *client) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	out, err := c.call(ctx, "changed", &request{Seq: number})
	if err != nil {
		return metricsstore.ChangeList{}, err
	}
	return metricsstore.ChangeList{Runs: out.Changed, Latest: out.Latest, Partial: out.Partial}, nil
}

// Close closes the connections; the owner does not notice.
func (c *client) Close() error {
	c.stop()
	<-c.done
	c.client.CloseIdleConnections()
	return nil
}

func (c *client) adopt(ctx context.Context, run record.RunID, offset int64) error {
	return c.do(ctx, "adopt", &request{Run: run, Seq: uint64(offset)})
}

// Begin implements metricsstore.Store, as do the following methods.
func (c *client) Begin(ctx context.Context, h metricsstore.Header, shape []byte) error {
	q, err := beginRequest(&h, shape)
	if err != nil {
		return err
	}
	return c.change(ctx, "begin", q)
}

func (c *client) Append(ctx context.Context, run record.RunID, b metricsstore.Batch) error {
	return c.change(ctx, "append", appendRequest(run, &b))
}

func (c *client) Archive(ctx context.Context, run record.RunID, a metricsstore.Archive) error {
	q, err := archiveRequest(run, &a)
	if err != nil {
		return err
	}
	return c.change(ctx, "archive", q)
}

func (c *client) Annotate(ctx context.Context, run record.RunID, a metricsstore.Annotation) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("embedded: annotation: %w", err)
	}
	return c.change(ctx, "annotate", &request{Run: run, Data: data})
}

func (c *client) Delete(ctx context.Context, run record.RunID) error {
	return c.change(ctx, "delete", &request{Run: run})
}

func (c *client) Acquire(ctx context.Context, run record.RunID, l metricsstore.Lease, now time.Time) error {
	return c.do(ctx, "acquire", acquireRequest(run, l, now))
}

func (c *client) Release(ctx context.Context, run record.RunID, owner string) error {
	return c.do(ctx, "release", &request{Run: run, Owner: owner})
}

func (c *client) Check(ctx context.Context) error   { return c.do(ctx, "check", &request{}) }
func (c *client) Compact(ctx context.Context) error { return c.do(ctx, "compact", &request{}) }

func (c *client) runs(ctx context.Context, name string, q *request) ([]metricsstore.Run, error) {
	out, err := c.call(ctx, name, q)
	if err != nil {
		return nil, err
	}
	var runs []metricsstore.Run
	return runs, parse("runs", out.Data, &runs)
}

func (c *client) Run(ctx context.Context, run record.RunID) (metricsstore.Run, error) {
	runs, err := c.runs(ctx, "run", &request{Run: run})
	if err != nil || len(runs) != 1 {
		return metricsstore.Run{}, err
	}
	return runs[0], nil
}

func (c *client) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	return c.runs(ctx, "runs", &request{Position: after, Limit: limit})
}

func (c *client) Attachment(ctx context.Context, run record.RunID, name string) ([]byte, error) {
	out, err := c.call(ctx, "attachment", &request{Run: run, Name: name})
	if err != nil {
		return nil, err
	}
	return out.Data, nil
}

func (c *client) Log(ctx context.Context, run record.RunID, after uint64, limit int) ([]metricsstore.Block, error) {
	out, err := c.call(ctx, "log", &request{Run: run, Seq: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	return out.Blocks, nil
}

func (c *client) Details(ctx context.Context, run record.RunID, from metricsstore.DetailKey, limit int) ([]metricsstore.DetailRow, error) {
	out, err := c.call(ctx, "details", &request{Run: run, Detail: from, Limit: limit})
	if err != nil {
		return nil, err
	}
	return out.Details, nil
}

func (c *client) Workers(ctx context.Context, run record.RunID) ([]metricsstore.WorkerRow, error) {
	out, err := c.call(ctx, "workers", &request{Run: run})
	if err != nil {
		return nil, err
	}
	return out.Workers, nil
}

func (c *client) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	out, err := c.call(ctx, "rollups", &request{Query: q})
	if err != nil {
		return nil, err
	}
	return out.Rollups, nil
}
