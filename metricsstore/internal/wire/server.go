package wire

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
)

// maxBody bounds one request or response between processes.
const maxBody = 1 << 30

// apiPrefix is the path before the name of a method; its version changes when older clients could not continue.
const apiPrefix = "/v1/"

// method answers a request.
type method func(context.Context, Owner, *Request, *Response) error

// methods lists all methods by their names in the path.
func methods() map[string]method {
	return map[string]method{
		"ping": func(context.Context, Owner, *Request, *Response) error { return nil },
		"begin": func(ctx context.Context, b Owner, q *Request, _ *Response) error {
			h, err := q.Head()
			if err != nil {
				return err
			}
			return b.Begin(ctx, h, q.Data)
		},
		"append": func(ctx context.Context, b Owner, q *Request, _ *Response) error {
			return b.Append(ctx, q.Run, q.Batch())
		},
		"archive": func(ctx context.Context, b Owner, q *Request, _ *Response) error {
			a, err := q.Archive()
			if err != nil {
				return err
			}
			return b.Archive(ctx, q.Run, a)
		},
		"annotate": func(ctx context.Context, b Owner, q *Request, _ *Response) error {
			var a metricsstore.Annotation
			if err := parse("annotation", q.Data, &a); err != nil {
				return err
			}
			return b.Annotate(ctx, q.Run, a)
		},
		"delete": func(ctx context.Context, b Owner, q *Request, _ *Response) error { return b.Delete(ctx, q.Run) },
		"acquire": func(ctx context.Context, b Owner, q *Request, _ *Response) error {
			return b.Acquire(ctx, q.Run, q.Lease(), q.Now)
		},
		"release": func(ctx context.Context, b Owner, q *Request, _ *Response) error {
			return b.Release(ctx, q.Run, q.Owner)
		},
		"check":   func(ctx context.Context, b Owner, _ *Request, _ *Response) error { return b.Check(ctx) },
		"compact": func(ctx context.Context, b Owner, _ *Request, _ *Response) error { return b.Compact(ctx) },
		"adopt": func(ctx context.Context, b Owner, q *Request, _ *Response) error {
			return b.Adopt(ctx, q.Run, int64(q.Seq))
		},
		"changed":    answerChanged,
		"repair":     answerRepair,
		"run":        answerRun,
		"runs":       answerRuns,
		"attachment": answerAttachment,
		"log":        answerLog,
		"details":    answerDetails,
		"workers":    answerWorkers,
		"rollups":    answerRollups,
	}
}

func answerRepair(ctx context.Context, b Owner, _ *Request, r *Response) error {
	done, err := b.Repair(ctx)
	if err != nil {
		return err
	}
	r.Data, err = json.Marshal(done)
	return err
}

func answerChanged(ctx context.Context, b Owner, q *Request, r *Response) error {
	list, err := b.ChangedSince(ctx, q.Seq)
	r.Changed, r.Latest, r.Partial = list.Runs, list.Latest, list.Partial
	return err
}

func answerRun(ctx context.Context, b Owner, q *Request, r *Response) error {
	run, err := b.Run(ctx, q.Run)
	if err != nil {
		return err
	}
	r.Data, err = json.Marshal([]metricsstore.Run{run})
	return err
}

func answerRuns(ctx context.Context, b Owner, q *Request, r *Response) error {
	runs, err := b.Runs(ctx, q.Position, q.Limit)
	if err != nil {
		return err
	}
	r.Data, err = json.Marshal(runs)
	return err
}

func answerAttachment(ctx context.Context, b Owner, q *Request, r *Response) (err error) {
	r.Data, err = b.Attachment(ctx, q.Run, q.Name)
	return err
}

func answerLog(ctx context.Context, b Owner, q *Request, r *Response) (err error) {
	r.Blocks, err = b.Log(ctx, q.Run, q.Seq, q.Limit)
	return err
}

func answerDetails(ctx context.Context, b Owner, q *Request, r *Response) (err error) {
	r.Details, err = b.Details(ctx, q.Run, q.Detail, q.Limit)
	return err
}

func answerWorkers(ctx context.Context, b Owner, q *Request, r *Response) (err error) {
	r.Workers, err = b.Workers(ctx, q.Run)
	return err
}

func answerRollups(ctx context.Context, b Owner, q *Request, r *Response) (err error) {
	r.Rollups, err = b.Rollups(ctx, q.Query)
	return err
}

// Server answers the clients of an owner.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{}

	owner   Owner
	coding  *Coding
	key     string
	methods map[string]method
	log     *slog.Logger
}

// Serve listens on a free port of the loopback and answers calls with the key, until Close.
func Serve(b Owner, c *Coding, key string, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("embedded: no port to share the data folder: %w", err)
	}
	s := &Server{owner: b, coding: c, key: "Bearer " + key, methods: methods(), log: log, listener: l, done: make(chan struct{})}
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 13,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // returns when close is called
	}()
	return s, nil
}

// CloseTimeout is how long the owner waits for calls of clients when it closes.
const CloseTimeout = 5 * time.Second

// Address is where the server listens, as host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close waits for calls under way, at most for CloseTimeout.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), CloseTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // clients that are cut off try again elsewhere
	}
	<-s.done
}

// ServeHTTP answers one call. A caller without the key learns nothing.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(s.key)) != 1 {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	if r.Method != http.MethodPost || len(r.URL.Path) < len(apiPrefix) {
		http.NotFound(w, r)
		return
	}
	var out Response
	if err := s.answer(r, http.MaxBytesReader(w, r.Body, maxBody), &out); err != nil {
		out = Response{}
		out.fail(err)
	}
	data, err := s.coding.enc.Marshal(&out)
	if err != nil {
		s.log.Error("an answer cannot be encoded", "path", r.URL.Path, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(data) // a client that has gone does not need it
}

func (s *Server) answer(r *http.Request, body io.Reader, out *Response) error {
	data, err := io.ReadAll(body)
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return fmt.Errorf("%w: a call of more than %d bytes", metricsstore.ErrInvalid, maxBody)
		}
		return err
	}
	q, err := s.coding.Request(data)
	if err != nil {
		return err
	}
	name := r.URL.Path[len(apiPrefix):]
	m := s.methods[name]
	if m == nil {
		return fmt.Errorf("%w: method %q, expected one that this version has", metricsstore.ErrInvalid, name)
	}
	return m(r.Context(), s.owner, q, out)
}
