package worker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/dagscope/dagscope/engine/invoke"
	"github.com/dagscope/dagscope/engine/worker"
)

// gate is where a worker can be invoked.
type gate struct {
	net.Listener
	secret []byte
}

// open binds the address of --listen; nil where there is none.
func (o *Options) open(ctx context.Context) (*gate, error) {
	if o.Listen == "" {
		return nil, nil
	}
	secret, err := o.secret()
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, usage("--listen %s: expected an address of this machine and a port that can be bound, such as :8080: %w", o.Listen, err)
	}
	return &gate{listener, secret}, nil
}

// close closes what the server has not.
func (g *gate) close() {
	if g != nil {
		_ = g.Close() // it mostly is
	}
}

// listen works when it is invoked over HTTP.
func (p *program) listen(ctx context.Context) error {
	tally := new(invoke.Tally)
	shift, err := invoke.NewShift(invoke.ShiftConfig{
		Begin: func() (invoke.Work, error) { return p.stint(tally) }, Tally: tally, For: p.options.For,
	})
	if err != nil {
		return err
	}
	handler, err := invoke.NewHandler(invoke.HandlerConfig{Secret: p.gate.secret, Work: shift.Work, Name: p.name, Log: p.log})
	if err != nil {
		return err
	}
	if err := p.announce("http://" + p.gate.Addr().String() + "/invoke"); err != nil {
		return err
	}
	draining := context.AfterFunc(ctx, handler.Drain)
	defer draining()
	return beside(ctx, shift.Run, append(p.companions(), func(ctx context.Context) error {
		return serve(ctx, p.gate, handler, p.log)
	})...)
}

// stint is the work of one shift.
type stint struct {
	pool     *worker.Pool
	presence func(context.Context) error
}

// Run implements invoke.Work. The process is known to others as long as the shift lasts: it may be stopped after it.
func (s stint) Run(ctx context.Context) error { return beside(ctx, s.pool.Run, s.presence) }

// stint makes a worker for a shift. What it executes at the end has to fit into the fifth of the time that is left then,
// together with the hand-over.
func (p *program) stint(tally *invoke.Tally) (invoke.Work, error) {
	pool, err := p.pool(tally, min(softStop, p.options.For*3/20))
	if err != nil {
		return nil, err
	}
	return stint{pool, p.presence(pool)}, nil
}

const (
	// headTimeout bounds how long the head of a request may take, idleTimeout how long a connection waits for the next.
	headTimeout = 10 * time.Second
	idleTimeout = 2 * time.Minute
	// headMax is in bytes.
	headMax = 16 << 10
	// answerTimeout is how long answers may take to be sent once the work is over.
	answerTimeout = 5 * time.Second
)

// serve answers until ctx ends. Requests have no bound on their time here: they are held as long as work is done.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headMax,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close() // whoever does not read an answer does without
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
