package wire

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

// expectPatience is how long Changed waits for the poll that precedes it.
const expectPatience = 500 * time.Millisecond

// ErrGone: the owner does not answer, or not any more.
var ErrGone = errors.New("embedded: the owner of the data folder has gone")

// Client is the store through the process that owns the folder. Safe for concurrent use.
type Client struct {
	url     string
	key     string
	client  *http.Client
	coding  *Coding
	changes *metricsstore.Changes
	stop    context.CancelFunc
	done    chan struct{} // closed when watch has returned

	polling sync.Mutex // held by poll
	latest  uint64     // number of the last change that was reported; guarded by polling
}

// Dial makes a client of the owner at an address of the form host:port, once the owner has answered.
func Dial(ctx context.Context, address, key string, coding *Coding, changes *metricsstore.Changes) (*Client, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
	}
	c := &Client{
		url: "http://" + address + apiPrefix, key: key, client: &http.Client{Transport: transport},
		coding: coding, changes: changes, done: make(chan struct{}),
	}
	ping, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := c.call(ping, "ping", &Request{}); err != nil {
		transport.CloseIdleConnections()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	go c.watch(watching)
	return c, nil
}

// call makes one request. The error is errGone where the owner did not answer, so that the call may be made again.
func (c *Client) call(ctx context.Context, name string, q *Request) (*Response, error) {
	data, err := c.coding.enc.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("embedded: %s: %w", name, err)
	}
	if len(data) > maxBody {
		return nil, fmt.Errorf("%w: a call of %d bytes, expected at most %d", metricsstore.ErrInvalid, len(data), maxBody)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+name, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	answer, err := c.client.Do(r)
	if err != nil {
		return nil, gone(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: its port answers %s", ErrGone, answer.Status)
	}
	if data, err = io.ReadAll(io.LimitReader(answer.Body, maxBody+1)); err != nil {
		return nil, gone(ctx, err)
	}
	var out Response
	if err := c.coding.dec.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("%w: %s answers something else: %w", ErrGone, c.url, err)
	}
	return &out, out.failure()
}

func gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrGone, err)
}

// do is a call without a result.
func (c *Client) do(ctx context.Context, name string, q *Request) error {
	_, err := c.call(ctx, name, q)
	return err
}

// change is do, and notifies those who wait for the run.
func (c *Client) change(ctx context.Context, name string, q *Request) error {
	err := c.do(ctx, name, q)
	if err == nil {
		c.changes.Notify(q.Run)
	}
	return err
}

// Changed polls first, so that earlier changes do not close the channel. Where the owner takes longer than
// expectPatience to answer, they may.
func (c *Client) Changed(run record.RunID) <-chan struct{} {
	ctx, cancel := context.WithTimeout(context.Background(), expectPatience)
	defer cancel()
	c.poll(ctx)
	return c.changes.Wait(run)
}

// watch polls for changes while a caller waits for any.
func (c *Client) watch(ctx context.Context) {
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
func (c *Client) poll(ctx context.Context) {
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
func (c *Client) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	out, err := c.call(ctx, "changed", &Request{Seq: number})
	if err != nil {
		return metricsstore.ChangeList{}, err
	}
	return metricsstore.ChangeList{Runs: out.Changed, Latest: out.Latest, Partial: out.Partial}, nil
}

// Close closes the connections; the owner does not notice.
func (c *Client) Close() error {
	c.stop()
	<-c.done
	c.client.CloseIdleConnections()
	return nil
}

// Adopt implements Owner.
func (c *Client) Adopt(ctx context.Context, run record.RunID, offset int64) error {
	return c.do(ctx, "adopt", &Request{Run: run, Seq: uint64(offset)})
}

// Begin implements metricsstore.Store, as do the following methods.
func (c *Client) Begin(ctx context.Context, h metricsstore.Header, shape []byte) error {
	q, err := BeginRequest(&h, shape)
	if err != nil {
		return err
	}
	return c.change(ctx, "begin", q)
}

func (c *Client) Append(ctx context.Context, run record.RunID, b metricsstore.Batch) error {
	return c.change(ctx, "append", AppendRequest(run, &b))
}

func (c *Client) Archive(ctx context.Context, run record.RunID, a metricsstore.Archive) error {
	q, err := ArchiveRequest(run, &a)
	if err != nil {
		return err
	}
	return c.change(ctx, "archive", q)
}

func (c *Client) Annotate(ctx context.Context, run record.RunID, a metricsstore.Annotation) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("embedded: annotation: %w", err)
	}
	return c.change(ctx, "annotate", &Request{Run: run, Data: data})
}

func (c *Client) Delete(ctx context.Context, run record.RunID) error {
	return c.change(ctx, "delete", &Request{Run: run})
}

func (c *Client) Acquire(ctx context.Context, run record.RunID, l metricsstore.Lease, now time.Time) error {
	return c.do(ctx, "acquire", AcquireRequest(run, l, now))
}

func (c *Client) Release(ctx context.Context, run record.RunID, owner string) error {
	return c.do(ctx, "release", &Request{Run: run, Owner: owner})
}

func (c *Client) Check(ctx context.Context) error   { return c.do(ctx, "check", &Request{}) }
func (c *Client) Compact(ctx context.Context) error { return c.do(ctx, "compact", &Request{}) }

func (c *Client) runs(ctx context.Context, name string, q *Request) ([]metricsstore.Run, error) {
	out, err := c.call(ctx, name, q)
	if err != nil {
		return nil, err
	}
	var runs []metricsstore.Run
	return runs, parse("runs", out.Data, &runs)
}

func (c *Client) Run(ctx context.Context, run record.RunID) (metricsstore.Run, error) {
	runs, err := c.runs(ctx, "run", &Request{Run: run})
	if err != nil || len(runs) != 1 {
		return metricsstore.Run{}, err
	}
	return runs[0], nil
}

func (c *Client) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	return c.runs(ctx, "runs", &Request{Position: after, Limit: limit})
}

func (c *Client) Attachment(ctx context.Context, run record.RunID, name string) ([]byte, error) {
	out, err := c.call(ctx, "attachment", &Request{Run: run, Name: name})
	if err != nil {
		return nil, err
	}
	return out.Data, nil
}

func (c *Client) Log(ctx context.Context, run record.RunID, after uint64, limit int) ([]metricsstore.Block, error) {
	out, err := c.call(ctx, "log", &Request{Run: run, Seq: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	return out.Blocks, nil
}

func (c *Client) Details(ctx context.Context, run record.RunID, from metricsstore.DetailKey, limit int) ([]metricsstore.DetailRow, error) {
	out, err := c.call(ctx, "details", &Request{Run: run, Detail: from, Limit: limit})
	if err != nil {
		return nil, err
	}
	return out.Details, nil
}

func (c *Client) Workers(ctx context.Context, run record.RunID) ([]metricsstore.WorkerRow, error) {
	out, err := c.call(ctx, "workers", &Request{Run: run})
	if err != nil {
		return nil, err
	}
	return out.Workers, nil
}

func (c *Client) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	out, err := c.call(ctx, "rollups", &Request{Query: q})
	if err != nil {
		return nil, err
	}
	return out.Rollups, nil
}

// Repair implements metricsstore.Repairer.
func (c *Client) Repair(ctx context.Context) (out metricsstore.Repaired, err error) {
	answer, err := c.call(ctx, "repair", &Request{})
	if err != nil {
		return out, err
	}
	return out, parse("what was repaired", answer.Data, &out)
}
