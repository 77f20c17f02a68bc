package live_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/runtable"
	"github.com/dagscope/dagscope/web/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wide is a graph of the given number of independent tasks, and one task that reads all of them.
func wide(t testing.TB, tasks int, body func(context.Context, int) (int, error)) *dag.Graph {
	t.Helper()
	leaf := engine.Func1("leaf", body)
	sum := engine.FuncN("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	b := engine.NewBuilder()
	row := make([]engine.Ref[int], tasks)
	for i := range row {
		row[i] = leaf.Call(engine.Const(b, i))
	}
	g, err := b.Compile(sum.Call(b, row...))
	require.NoError(t, err)
	return g
}

func nothing(_ context.Context, n int) (int, error) { return n, nil }

// service is a hub over a store that serves HTTP on pipes: a write ends only when the other side reads.
type service struct {
	t     testing.TB
	store metricsstore.Store
	hub   *live.Hub
	runs  *summaries
	http  *http.Client
	stop  func() // ends the hub and waits
}

// serve starts a service; it ends with the test.
func serve(t testing.TB, store metricsstore.Store, change func(*live.Config)) *service {
	t.Helper()
	q, err := metricsstore.NewQueries(store)
	require.NoError(t, err)
	s := &service{t: t, store: store, runs: &summaries{store: store, notes: map[record.RunID]string{}}}
	cfg := live.Config{Queries: q, Store: store, Runs: s.runs, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	s.hub, err = live.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = s.hub.Run(ctx) })
	mux := http.NewServeMux()
	mux.HandleFunc("/live", s.hub.ServeWebSocket)
	mux.HandleFunc("/events/{run}", func(w http.ResponseWriter, r *http.Request) {
		s.hub.ServeEvents(w, r, record.RunID(r.PathValue("run")))
	})
	pipes := newPipes()
	server := &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	parts.Go(func() { _ = server.Serve(pipes) })
	transport := &http.Transport{DialContext: pipes.dial}
	s.http = &http.Client{Transport: transport}
	s.stop = sync.OnceFunc(func() {
		cancel()
		transport.CloseIdleConnections()
		_ = server.Shutdown(context.Background())
		parts.Wait()
	})
	t.Cleanup(s.stop)
	return s
}

// pipes is a listener whose connections are net.Pipes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// summaries describes runs by what the store has, and by notes.
type summaries struct {
	store metricsstore.Store

	mu      sync.Mutex
	notes   map[record.RunID]string
	changed int // calls of Changed
}

func (s *summaries) Summary(ctx context.Context, run record.RunID) (json.RawMessage, error) {
	r, err := s.store.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(map[string]any{"run": run, "status": r.Status, "note": s.notes[run]})
}

func (s *summaries) Changed(ctx context.Context) ([]json.RawMessage, error) {
	s.mu.Lock()
	s.changed++
	s.mu.Unlock()
	runs, err := s.store.Runs(ctx, metricsstore.Position{}, 100)
	var out []json.RawMessage
	for i := range runs {
		if one, err := s.Summary(ctx, runs[i].Info.ID); err == nil {
			out = append(out, one)
		}
	}
	return out, err
}

func (s *summaries) note(run record.RunID, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes[run] = text
}

func (s *summaries) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// viewer is a client on one socket.
type viewer struct {
	t    testing.TB
	ws   *websocket.Conn
	copy runtable.Copy // of channel 1

	incarnation string
	status      string   // of the run, as it was sent last
	frames      int      // since the viewer was made
	snapshots   int      //
	texts       []string // types of text messages, in order
	last        map[string]any
}

// text is a message of any type.
type text struct {
	Type        string          `json:"type"`
	Channel     uint64          `json:"channel"`
	Run         json.RawMessage `json:"run"`
	Incarnation string          `json:"incarnation"`
}

func (s *service) dial(options *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	if options == nil {
		options = &websocket.DialOptions{}
	}
	options.HTTPClient = s.http
	ws, r, err := websocket.Dial(context.Background(), "http://dagscope.test/live", options)
	if err == nil {
		ws.SetReadLimit(1 << 20)
	}
	return ws, r, err
}

func (s *service) open() *viewer {
	s.t.Helper()
	ws, _, err := s.dial(nil)
	require.NoError(s.t, err)
	return &viewer{t: s.t, ws: ws}
}

// watch opens a socket and subscribes to a run on channel 1.
func (s *service) watch(run record.RunID) *viewer {
	s.t.Helper()
	v := s.open()
	v.subscribe(run)
	return v
}

// resume is a new socket of a viewer that was disconnected.
func (v *viewer) resume(s *service, run record.RunID) {
	ws, _, err := s.dial(nil)
	require.NoError(v.t, err)
	v.ws = ws
	v.subscribe(run)
}

func (v *viewer) subscribe(run record.RunID) {
	v.say(map[string]any{"type": "subscribe", "channel": 1, "topic": "run", "run": run, "after": v.copy.Seq(), "incarnation": v.incarnation})
}

func (v *viewer) say(command map[string]any) {
	b, err := json.Marshal(command)
	require.NoError(v.t, err)
	require.NoError(v.t, v.ws.Write(context.Background(), websocket.MessageText, b))
}

func (v *viewer) cut() { _ = v.ws.CloseNow() }

// read reads the next message and returns its type, frame for frames. A gap fails the test.
func (v *viewer) read() (string, error) {
	kind, b, err := v.ws.Read(context.Background())
	if err != nil {
		return "", err
	}
	if kind == websocket.MessageBinary {
		f, err := runtable.DecodeFrame(b)
		require.NoError(v.t, err)
		require.NoError(v.t, v.copy.Apply(f))
		v.frames++
		if f.Snapshot {
			v.snapshots++
		}
		return "frame", nil
	}
	return v.take(b), nil
}

// take applies a text message.
func (v *viewer) take(b []byte) string {
	var m text
	require.NoError(v.t, json.Unmarshal(b, &m), "%s", b)
	v.last = map[string]any{}
	require.NoError(v.t, json.Unmarshal(b, &v.last))
	v.texts = append(v.texts, m.Type)
	if m.Type == "subscribed" {
		v.incarnation = m.Incarnation
	}
	if m.Run != nil {
		var run struct {
			Status string `json:"status"`
		}
		require.NoError(v.t, json.Unmarshal(m.Run, &run))
		v.status = run.Status
	}
	return m.Type
}

// await reads until a message of some type has come.
func (v *viewer) await(kind string) {
	v.t.Helper()
	for {
		got, err := v.read()
		require.NoError(v.t, err, "waiting for %s", kind)
		if got == kind {
			return
		}
	}
}

// awaitEnd reads until the log is complete.
func (v *viewer) awaitEnd() {
	v.t.Helper()
	for !v.copy.Ended() {
		_, err := v.read()
		require.NoError(v.t, err)
	}
}

// began is when the runs of the tests started.
func began() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func info(id record.RunID) record.RunInfo {
	return record.RunInfo{ID: id, Workflow: "w", Policy: record.FailFast, SubmittedAt: began(), StartedAt: began()}
}

// recorded is a store that contains a run in progress: each call of more records some more steps, end the rest.
type recorded struct {
	t     testing.TB
	store *memory.Store
	rec   *metricsstore.Recorder
	id    record.RunID
	graph *dag.Graph
	steps []record.Step
	done  int
}

// recordRun begins a run of the given number of tasks with an invented log.
func recordRun(t testing.TB, store *memory.Store, id record.RunID, tasks int) *recorded {
	t.Helper()
	rec, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
	require.NoError(t, err)
	g := wide(t, tasks, nothing)
	require.NoError(t, rec.Begin(info(id), g))
	return &recorded{t: t, store: store, rec: rec, id: id, graph: g, steps: enginetest.SimulateSteps(g, 1, 3)}
}

// more records further steps, which are in the store when it returns.
func (r *recorded) more(n int) {
	n = min(r.done+n, len(r.steps))
	if n == r.done {
		return
	}
	packer, err := metricsstore.NewPacker()
	require.NoError(r.t, err)
	for part := range slices.Chunk(r.steps[r.done:n], 1000) {
		require.NoError(r.t, r.store.Append(context.Background(), r.id, metricsstore.Batch{Blocks: []metricsstore.Block{packer.Pack(part)}}))
	}
	r.done = n
}

// end records the rest and archives the run.
func (r *recorded) end() {
	r.more(len(r.steps))
	require.NoError(r.t, r.rec.End(r.id, record.RunEnd{Status: record.Succeeded, EndedAt: began().Add(time.Second)}))
}

// interrupt archives the run as it is.
func (r *recorded) interrupt() {
	require.NoError(r.t, r.rec.End(r.id, record.RunEnd{Status: record.Interrupted, EndedAt: began().Add(time.Second)}))
}

// requireSame compares a viewer's table with the table made from the log in the store.
func (s *service) requireSame(v *viewer, run record.RunID) {
	s.t.Helper()
	q, err := metricsstore.NewQueries(s.store)
	require.NoError(s.t, err)
	g, err := q.Graph(context.Background(), run)
	require.NoError(s.t, err)
	_, log, err := q.Decode(context.Background(), run)
	require.NoError(s.t, err)
	table := runtable.New(g)
	for {
		steps, err := log.Next(context.Background())
		if err != nil {
			break
		}
		require.NoError(s.t, table.Steps(steps))
	}
	require.Equal(s.t, table.Seq(), v.copy.Seq())
	require.Equal(s.t, table.Rows(), v.copy.Rows())
	for i := range table.Rows() {
		require.Equal(s.t, table.Row(i), v.copy.Row(i), "row %d", i)
	}
	require.Equal(s.t, table.Marks(), v.copy.Marks())
	require.Equal(s.t, table.Expansions(), v.copy.Expansions())
}

// closeStatus reads until the socket is closed, and returns its status.
func (v *viewer) closeStatus() websocket.StatusCode {
	for {
		if _, err := v.read(); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func isUpgradeRefused(r *http.Response, err error, status int) bool {
	return err != nil && r != nil && r.StatusCode == status && strings.Contains(err.Error(), "expected handshake response status code 101")
}
