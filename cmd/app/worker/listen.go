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

// invokeListener is the address at which a worker can be invoked, and the secret of requests.
type invokeListener struct {
	net.Listener
	secret []byte
}

// open binds the address of --listen; nil without one.
func (o *Options) open(ctx context.Context) (*invokeListener, error) {
	if o.Listen == "" {
		return nil, nil
	}
	secret, err := o.Secret()
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, usage("--listen %s: expected an address of this machine and a port that can be bound, such as :8080: %w", o.Listen, err)
	}
	return &invokeListener{listener, secret}, nil
}

// close closes the listener if the server has not.
func (g *invokeListener) close() {
	if g != nil {
		_ = g.Close() // usually closed already
	}
}

// listen executes tasks while it is invoked over HTTP.
func (p *program) listen(ctx context.Context) error {
	tally := new(invoke.Tally)
	shift, err := invoke.NewShift(invoke.ShiftConfig{
		Begin: func() (invoke.Work, error) { return p.stint(tally) }, Tally: tally, For: p.options.For,
	})
	if err != nil {
		return err
	}
	handler, err := invoke.NewHandler(invoke.HandlerConfig{Secret: p.listener.secret, Work: shift.Work, Name: p.name, Log: p.log})
	if err != nil {
		return err
	}
	if err := p.announce("http://" + p.listener.Addr().String() + "/invoke"); err != nil {
		return err
	}
	draining := context.AfterFunc(ctx, handler.Drain)
	defer draining()
	return runWith(ctx, shift.Run, append(p.companions(), func(ctx context.Context) error {
		return serve(ctx, p.listener, handler, p.log)
	})...)
}

// stint is the work of one shift.
type stint struct {
	pool     *worker.Pool
	presence func(context.Context) error
}

// Run implements invoke.Work. The process announces its presence only during the shift: it may be stopped after it.
func (s stint) Run(ctx context.Context) error { return runWith(ctx, s.pool.Run, s.presence) }

// stint makes a worker for a shift. Tasks that are active at its end have to finish, and the rest has to be released, within
// the last fifth of the time.
func (p *program) stint(tally *invoke.Tally) (invoke.Work, error) {
	pool, err := p.pool(tally, min(softStop, p.options.For*3/20))
	if err != nil {
		return nil, err
	}
	return stint{pool, p.presence(pool)}, nil
}

const (
	// headTimeout bounds the time for the header of a request, idleTimeout the wait of a connection for the next request.
	headTimeout = 10 * time.Second
	idleTimeout = 2 * time.Minute
	// headMax is in bytes.
	headMax = 16 << 10
	// answerTimeout is how long responses may take to be sent after ctx has ended.
	answerTimeout = 5 * time.Second
)

// serve answers until ctx ends. It does not bound the time of requests: they last as long as tasks are executed.
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
		_ = server.Close() // aborts clients that do not read
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
