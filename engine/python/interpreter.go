package python

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine/process"
)

// boot starts the loop of the package in a folder, which is the argument. The first entry of sys.path is the working
// folder, unless PYTHONSAFEPATH leaves it out; it is not searched, so that no file that lies there by chance is a module.
const boot = "import sys; sys.path[:1] = [p for p in sys.path[:1] if p]; sys.path.insert(0, sys.argv.pop()); " +
	"from dagscope._worker import main; main()"

// interpreter is a process that answers one call at a time. One goroutine owns it.
type interpreter struct {
	process  *process.Process
	grace    time.Duration
	requests *os.File
	replies  *os.File
	passing  *net.UnixConn
	output   *output
	hello    hello
	calls    int
	resident int64     // bytes of memory after the last call
	since    time.Time // when it became idle

	buf     []byte // of replies
	frame   []byte
	payload payload
}

// start starts an interpreter and returns once it is ready. The error is a *process.StartError, a *LostError, or the cause
// of the end of ctx.
func (p *Pool) start(ctx context.Context) (*interpreter, error) {
	in := &interpreter{grace: p.cfg.Grace, buf: make([]byte, 1<<16)}
	theirs, err := in.open()
	if err == nil {
		in.process, err = process.Start(context.WithoutCancel(ctx), process.Command{
			Args: []string{p.cfg.Interpreter, "-c", boot, p.folder}, Env: p.cfg.Env, Files: theirs, Grace: p.cfg.Grace,
		})
	}
	closeFiles(theirs)
	if err != nil {
		in.abandon()
		return nil, err
	}
	p.count(func(c *Counts) { c.Started++; c.Live++ })
	p.live.Go(func() {
		in.await()
		p.count(func(c *Counts) { c.Live-- })
	})
	bounded, cancel := context.WithTimeoutCause(ctx, p.cfg.StartTimeout,
		fmt.Errorf("python: %s was not ready within %s", p.cfg.Interpreter, p.cfg.StartTimeout))
	defer cancel()
	if err := in.setUp(bounded, p.cfg.setup()); err != nil {
		in.discard()
		return nil, err
	}
	return in, nil
}

// open makes all over which an interpreter and this process exchange something. theirs are the descriptors of the
// interpreter from 3 on, also on error.
func (in *interpreter) open() (theirs []*os.File, err error) {
	var stdout, stderr *os.File
	for i, ours := range []**os.File{&in.requests, &in.replies, &stdout, &stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return theirs, err
		}
		if i == 0 {
			r, w = w, r
		}
		*ours, theirs = r, append(theirs, w)
	}
	in.output = newOutput(stdout, stderr)
	conn, end, err := newPassing()
	if err != nil {
		return theirs, err
	}
	in.passing = conn
	return append(theirs, end), nil
}

// abandon closes what open has made, if no process was started.
func (in *interpreter) abandon() {
	if in.output != nil {
		in.output.close()
	}
	in.closeFiles()
}

func (in *interpreter) setUp(ctx context.Context, s setup) error {
	began := time.Now()
	body, err := cbor.Marshal(s)
	if err != nil {
		return err
	}
	return in.guarded(ctx, began, func() error {
		if _, err := in.requests.Write(endFrame(append(appendFrame(nil, setupRequest), body...))); err != nil {
			return err
		}
		rest, err := in.read()
		if err == nil {
			in.hello, err = parseHello(rest)
		}
		return err
	})
}

// call calls a function. After an error other than a *CallError the interpreter has to be discarded.
func (in *interpreter) call(ctx context.Context, c *Call, isSplit bool) ([]Value, process.Usage, error) {
	in.payload.reset()
	defer in.payload.reset()
	if err := in.payload.pack(c.Values, c.Template); err != nil {
		return nil, unknownUsage, err
	}
	in.calls++
	in.output.begin(c.Lines)
	var r reply
	var values []Value
	err := in.guarded(ctx, time.Now(), func() (err error) {
		in.frame = appendCall(in.frame[:0], c, isSplit, &in.payload)
		if _, err = in.requests.Write(in.frame); err != nil {
			return err
		}
		if len(in.payload.segments) > 0 {
			if err = sendSegments(in.passing, in.payload.segments); err != nil {
				return err
			}
		}
		r, values, err = in.reply()
		return err
	})
	in.output.end()
	if err != nil {
		return nil, unknownUsage, err
	}
	in.resident = r.resident
	switch {
	case r.failed:
		return nil, r.usage, failure(c, values)
	case !isSplit && len(values) != 1:
		return nil, r.usage, fmt.Errorf("python: %d results, expected 1", len(values))
	default:
		return values, r.usage, nil
	}
}

// reply reads the reply to a call, with its values.
func (in *interpreter) reply() (r reply, values []Value, err error) {
	rest, err := in.read()
	if err != nil {
		return r, nil, err
	}
	if r, err = parseReply(rest); err != nil {
		return r, nil, err
	}
	var files []*os.File
	if r.files > 0 {
		if files, err = receiveFiles(in.passing, r.files); err != nil {
			return r, nil, err
		}
	}
	data := r.payload
	if len(data) == 0 && len(files) > 0 && r.size > 0 {
		last := len(files) - 1
		if data, err = readFile(files[last], r.size); err != nil {
			closeFiles(files[:last])
			return r, nil, err
		}
		files = files[:last]
	}
	values, err = unpack(data, r.values, files)
	return r, values, err
}

// read reads a frame, and returns it without its size. It is valid until the next one is read.
func (in *interpreter) read() ([]byte, error) {
	for n, end := 0, frameSize; ; {
		k, err := in.replies.Read(in.buf[n:])
		if n += k; n >= frameSize {
			end = frameSize + int(binary.LittleEndian.Uint32(in.buf))
		}
		switch {
		case n == end && n > frameSize:
			return in.buf[frameSize:n], nil
		case err != nil:
			return nil, err
		case end > maxFrame || n > end:
			return nil, fmt.Errorf("a frame of %d bytes with %d, expected at most %d", end, n, maxFrame)
		case n == len(in.buf):
			in.buf = append(in.buf, make([]byte, maxFrame-n)...)
		}
	}
}

// guarded exchanges requests and replies. When ctx ends, the interpreter is interrupted, and killed after the grace; the
// error is then the cause of that. If the interpreter has ended, or what it says makes no sense, it is a *LostError.
func (in *interpreter) guarded(ctx context.Context, began time.Time, exchange func() error) error {
	stop := context.AfterFunc(ctx, func() {
		_ = in.process.Signal(os.Interrupt) // which becomes a KeyboardInterrupt
		in.killLater()
	})
	err := exchange()
	if !stop() {
		return context.Cause(ctx)
	}
	if err != nil {
		return in.lost(began, err)
	}
	return nil
}

func (in *interpreter) killLater() { time.AfterFunc(in.grace, in.process.Kill) }

// lost waits for the end of an interpreter after an exchange has failed.
func (in *interpreter) lost(began time.Time, failure error) error {
	e := &LostError{PID: in.process.PID()}
	if isEnd(failure) {
		select {
		case <-in.process.Ended():
		case <-time.After(in.grace):
			e.Cause = errors.New("a function has closed the descriptors of its interpreter")
		}
	} else {
		e.Cause = fmt.Errorf("its reply is not one of this protocol: %w", failure)
	}
	in.process.Kill()
	e.Result, _ = in.process.Wait() // the error is in the result
	e.After = time.Since(began)
	in.output.end()
	if tail := in.output.stderr.String(); tail != "" {
		e.Result.Tail, e.Result.Stderr = in.output.all.String(), tail
	}
	return e
}

// isEnd reports whether an exchange failed because the other side is not there.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// finish has an interpreter end by itself, within the grace.
func (in *interpreter) finish() {
	in.closeFiles()
	in.killLater()
}

// discard ends an interpreter at once.
func (in *interpreter) discard() {
	in.process.Kill()
	in.closeFiles()
}

func (in *interpreter) closeFiles() {
	_ = in.requests.Close()
	_ = in.replies.Close()
	if in.passing != nil {
		_ = in.passing.Close()
	}
}

// await returns when an interpreter that was finished or discarded has ended.
func (in *interpreter) await() {
	<-in.process.Ended()
	in.output.close()
}
