package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
)

// Version of the body of a request; higher ones are refused.
const Version = 1

// StartHeader says in answers whether the process had worked before: warm or cold.
const StartHeader = "Dagscope-Start"

// request is the body of POST /invoke. Unknown fields are ignored, so that newer callers can add some.
type request struct {
	Version int `json:"version"`
	Hint
}

// response is the body of the answer.
type response struct {
	Worker string `json:"worker"`
	Start  Start  `json:"start"`
	Waited bool   `json:"waited"`
	Tasks  int64  `json:"tasks"`
}

// HandlerConfig of a Handler. Secret and Work are required; the zero value of the rest means the defaults.
type HandlerConfig struct {
	// Secret signs requests; at least MinSecret bytes.
	Secret []byte
	// Work executes tasks until none is left or ctx ends, which is when the client has disconnected. It returns the
	// number of tasks, and whether the process had worked before.
	Work func(ctx context.Context, h Hint) (Answer, error)
	// Name of the worker in answers.
	Name string
	// Skew is by how much the clocks of client and server may differ; default 5 min.
	Skew time.Duration
	// MaxHeld is how many requests may wait at a time; further ones are answered at once. Default 256.
	MaxHeld int
	// ReadTimeout bounds how long a body may take to arrive; default 10 s.
	ReadTimeout time.Duration
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Log receives refused requests and failed work, as warnings; default none.
	Log *slog.Logger
}

func (c HandlerConfig) withDefaults() (HandlerConfig, error) {
	if len(c.Secret) < MinSecret {
		return c, fmt.Errorf("invoke: the secret has %d bytes, expected at least %d", len(c.Secret), MinSecret)
	}
	if c.Work == nil {
		return c, errors.New("invoke: Work is nil, expected a function such as Shift.Work")
	}
	if c.Skew <= 0 {
		c.Skew = 5 * time.Minute
	}
	if c.MaxHeld <= 0 {
		c.MaxHeld = 256
	}
	if c.ReadTimeout <= 0 {
		c.ReadTimeout = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Handler answers POST /invoke, which holds the request while work is done, so that an autoscaler sees the process
// busy, and GET /healthz. Safe for concurrent use.
//
// Statuses: 200 with a response, after the work; 202 with a response that does not wait for the work; 400 for a body that
// is no hint; 401 if the signature or its time is wrong, without saying which; 413 above MaxBody; 415 for a content type
// other than JSON; 500 if the worker could not begin; 503 while draining. An interim answer 102 says at once that the
// hint was accepted.
type Handler struct {
	cfg      HandlerConfig
	mux      *http.ServeMux
	held     atomic.Int64 // requests that wait
	draining atomic.Bool
}

// NewHandler checks the configuration.
func NewHandler(cfg HandlerConfig) (*Handler, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Handler{cfg: cfg, mux: http.NewServeMux()}
	h.mux.HandleFunc("POST /invoke", h.invoke)
	h.mux.HandleFunc("GET /healthz", h.health)
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Drain refuses further invocations; requests that already wait continue to wait.
func (h *Handler) Drain() { h.draining.Store(true) }

// Held is how many requests wait.
func (h *Handler) Held() int { return int(h.held.Load()) }

// refusal is an unsuccessful answer; cause is only for the log.
type refusal struct {
	status int
	text   string
	cause  error
}

func (h *Handler) invoke(w http.ResponseWriter, r *http.Request) {
	hint, refused := h.read(w, r)
	if refused != nil {
		h.refuse(w, r, refused)
		return
	}
	defer h.held.Add(-1)
	if h.held.Add(1) > int64(h.cfg.MaxHeld) {
		// Enough requests already wait to show that this process is busy, and its lanes find the nodes of this hint
		// without it.
		h.answer(w, http.StatusAccepted, Answer{Start: Warm})
		return
	}
	if r.ProtoAtLeast(1, 1) {
		w.WriteHeader(http.StatusProcessing)
	}
	answer, err := h.cfg.Work(r.Context(), hint)
	switch {
	case err == nil && answer.Waited:
		h.answer(w, http.StatusOK, answer)
	case err == nil:
		h.answer(w, http.StatusAccepted, answer)
	case r.Context().Err() != nil: // the client has disconnected
	case errors.Is(err, engine.ErrClosed):
		h.refuse(w, r, drained())
	default:
		h.refuse(w, r, &refusal{http.StatusInternalServerError, "the worker cannot work", err})
	}
}

func drained() *refusal {
	return &refusal{http.StatusServiceUnavailable, "this worker is ending", errors.New("draining")}
}

// read returns the hint of a request, after checking its signature.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (Hint, *refusal) {
	if h.draining.Load() {
		return Hint{}, drained()
	}
	unauthorized := func(err error) *refusal {
		return &refusal{http.StatusUnauthorized, "expected a request that is signed by the secret, just now", err}
	}
	signed, err := readSignature(r.Header.Get)
	if err == nil {
		err = signed.checkTime(h.cfg.Now(), h.cfg.Skew)
	}
	if err != nil {
		return Hint{}, unauthorized(err)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return Hint{}, &refusal{http.StatusUnsupportedMediaType, "expected application/json", err}
	}
	body, refused := h.body(w, r)
	if refused != nil {
		return Hint{}, refused
	}
	if err := signed.checkBody(h.cfg.Secret, body); err != nil {
		return Hint{}, unauthorized(err)
	}
	hint, err := parseHint(body)
	if err != nil {
		return Hint{}, &refusal{http.StatusBadRequest, err.Error(), err}
	}
	return hint, nil
}

// body reads up to MaxBody bytes within ReadTimeout, and then removes the deadline, since the request may wait for a long time.
func (h *Handler) body(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	large := &refusal{http.StatusRequestEntityTooLarge, "expected at most " + strconv.Itoa(MaxBody) + " bytes", errors.New("too large")}
	if r.ContentLength > MaxBody {
		return nil, large
	}
	connection := http.NewResponseController(w)
	// Without a connection, as in tests, deadlines are not supported.
	_ = connection.SetReadDeadline(h.cfg.Now().Add(h.cfg.ReadTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	_ = connection.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, large
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "the body did not arrive", err}
	}
	return body, nil
}

func parseHint(body []byte) (Hint, error) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return Hint{}, fmt.Errorf("the body is not a hint as JSON: %w", err)
	}
	if r.Version < 1 || r.Version > Version {
		return Hint{}, fmt.Errorf("version is %d, expected 1 to %d", r.Version, Version)
	}
	if _, err := record.ParseRunID(string(r.Run)); err != nil {
		return Hint{}, fmt.Errorf("run: %w", err)
	}
	if r.Nodes < 0 {
		return Hint{}, fmt.Errorf("nodes is %d, expected at least 1, or nothing", r.Nodes)
	}
	r.Nodes = max(r.Nodes, 1)
	return r.Hint, nil
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, refused *refusal) {
	h.cfg.Log.Warn("an invocation was refused", "status", refused.status, "from", r.RemoteAddr, "cause", refused.cause)
	if refused.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, refused.status, map[string]string{"error": refused.text})
}

func (h *Handler) answer(w http.ResponseWriter, status int, a Answer) {
	w.Header().Set(StartHeader, string(a.Start))
	writeJSON(w, status, response{Worker: h.cfg.Name, Start: a.Start, Waited: a.Waited, Tasks: a.Tasks})
}

// health answers probes: 503 says that no invocations are accepted.
func (h *Handler) health(w http.ResponseWriter, _ *http.Request) {
	status, word := http.StatusOK, "ok"
	if h.draining.Load() {
		status, word = http.StatusServiceUnavailable, "draining"
	}
	writeJSON(w, status, map[string]any{"service": "dagscope-worker", "status": word, "worker": h.cfg.Name, "held": h.Held()})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails if the client has disconnected
}
