package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/invoke"
	"github.com/dagscope/dagscope/engine/state/redis"
)

// UsageError is a mistake on the command line; its text says what was expected.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// UnreachableError means that Redis cannot be reached, or cannot be relied on.
type UnreachableError struct{ Err error }

func (e UnreachableError) Error() string { return e.Err.Error() }
func (e UnreachableError) Unwrap() error { return e.Err }

func usage(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Redis has the flags that select the Redis with shared runs. Programs embed it in their flags.
type Redis struct {
	URL    string `name:"redis" env:"DAGSCOPE_REDIS" placeholder:"URL" help:"The Redis that workers share: redis://[user:password@]host[:port][/db], rediss:// with TLS, unix:///path, redis+sentinel://host,host/master or redis+cluster://host,host."`
	Prefix string `name:"redis-prefix" env:"DAGSCOPE_REDIS_PREFIX" placeholder:"TEXT" help:"Prefix of every key (default dagscope:); all processes that share runs need the same."`
	CA     string `name:"redis-ca" env:"DAGSCOPE_REDIS_CA" placeholder:"FILE" help:"Certificate authorities for the certificate of Redis, as PEM (default those of this system)."`
	Cert   string `name:"redis-cert" env:"DAGSCOPE_REDIS_CERT" placeholder:"FILE" help:"Client certificate for Redis, as PEM."`
	Key    string `name:"redis-key" env:"DAGSCOPE_REDIS_KEY" placeholder:"FILE" help:"Key of the client certificate, as PEM."`
}

// IsSet reports whether a Redis is selected.
func (r Redis) IsSet() bool { return r.URL != "" }

// silenceClient keeps the Redis client from printing: failures that matter are returned as errors and logged by callers.
var silenceClient = sync.OnceFunc(func() { goredis.SetLogger(discard{}) })

// discard is a logger of the Redis client that prints nothing.
type discard struct{}

// Printf does nothing.
func (discard) Printf(context.Context, string, ...any) {}

// Open connects and checks that the Redis can be relied on; the error is an UnreachableError. The caller closes the
// connection.
func (r Redis) Open(ctx context.Context) (*redis.Connection, error) {
	silenceClient()
	c, err := redis.Dial(ctx, redis.DialConfig{URL: r.URL, Prefix: r.Prefix, CAFile: r.CA, CertFile: r.Cert, KeyFile: r.Key})
	if err != nil {
		return nil, UnreachableError{err}
	}
	return c, nil
}

// String returns the URL without user, password and options.
func (r Redis) String() string {
	scheme, rest, ok := strings.Cut(r.URL, "://")
	if !ok {
		scheme, rest = "redis", r.URL
	}
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
}

// Invoking has the flags with which a program invokes workers. Programs embed it in their flags.
type Invoking struct {
	Invoke      string `env:"DAGSCOPE_INVOKE" placeholder:"URL" help:"Invoke workers by POST to this address, such as https://workers.example.org/invoke, when tasks are ready that no lane of this process takes. Requires --secret-file."`
	InvokeMost  int    `default:"64" placeholder:"N" help:"The most such requests at a time (default 64)."`
	InvokeSlots int    `default:"1" placeholder:"N" help:"How many tasks an invoked worker executes at a time (default 1)."`
	SecretFile  string `env:"DAGSCOPE_SECRET_FILE" placeholder:"FILE" help:"The file with the secret that signs requests of --invoke and to --listen, and code."`
}

// check refuses invalid values.
func (i Invoking) check() error {
	switch {
	case i.Invoke != "" && i.SecretFile == "":
		return errors.New("--invoke is given without --secret-file, expected the file of the secret that signs requests")
	case i.InvokeMost < 1 || i.InvokeSlots < 1:
		return fmt.Errorf("--invoke-most is %d and --invoke-slots %d, expected at least 1", i.InvokeMost, i.InvokeSlots)
	}
	return nil
}

// Fan returns the Fan that turns ready nodes into requests: its Readied is for the store, its Run has to run as long as the
// store. It is nil without --invoke. Mistakes are UsageErrors.
func (i Invoking) Fan(log *slog.Logger) (*invoke.Fan, error) {
	if err := i.check(); err != nil {
		return nil, UsageError{err}
	}
	if i.Invoke == "" {
		return nil, nil
	}
	secret, err := i.Secret()
	if err != nil {
		return nil, err
	}
	caller, err := invoke.NewCaller(invoke.CallerConfig{URL: i.Invoke, Secret: secret})
	if err != nil {
		return nil, UsageError{err}
	}
	return invoke.NewFan(invoke.FanConfig{Invoker: caller, Max: i.InvokeMost, PerCall: i.InvokeSlots, Log: log})
}

// Secret reads the secret: one line of printable characters, so that it can be entered anywhere.
func (i Invoking) Secret() ([]byte, error) {
	raw, err := os.ReadFile(i.SecretFile)
	if err != nil {
		return nil, usage("--secret-file: expected a file that can be read: %w", err)
	}
	secret := strings.TrimSpace(string(raw))
	bad := strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r > '~' })
	if len(secret) < invoke.MinSecret || bad {
		return nil, usage("--secret-file %s: expected one line of at least %d characters, such as `openssl rand -hex 32` makes",
			i.SecretFile, invoke.MinSecret)
	}
	return []byte(secret), nil
}

// Accepting has the flags of programs that execute what is not compiled into them. Programs embed it in their flags.
type Accepting struct {
	AcceptCode   bool `env:"DAGSCOPE_ACCEPT_CODE" help:"Execute commands and Python functions of pipelines, if they were signed with the secret of --secret-file: whoever has it can execute any program here."`
	AcceptPickle bool `env:"DAGSCOPE_ACCEPT_PICKLE" help:"With --accept-code, accept Python values as pickles from calls that ask for it."`
}

// Check refuses invalid values.
func (a Accepting) Check(secretFile string) error {
	switch {
	case a.AcceptCode && secretFile == "":
		return errors.New("--accept-code is given without --secret-file, expected the file of the secret that code is signed with")
	case a.AcceptPickle && !a.AcceptCode:
		return errors.New("--accept-pickle is given without --accept-code, expected both")
	}
	return nil
}

// Size is a number of bytes on the command line.
type Size int64

// UnmarshalText parses a size such as 500MiB or 1.5GiB.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := code.ParseSize(string(text))
	if err == nil {
		*s = Size(n)
	}
	return err
}

// Options are the flags of a worker.
type Options struct {
	Redis
	Name     string        `env:"DAGSCOPE_WORKER" placeholder:"NAME" help:"Name of this worker in records, which must be unique (default host:pid)."`
	Slots    int           `placeholder:"N" help:"How many tasks it executes at a time (default one for each processor, and more while tasks wait and processors are idle; with --children 1 each)."`
	Memory   Size          `placeholder:"SIZE" help:"Limit the memory of the process, such as 2GiB, and of what its tasks declare together; with --children of each child. At least 128MiB."`
	Children int           `placeholder:"N" help:"Supervise N processes that execute tasks: one that dies is replaced, and its task is identified."`
	Listen   string        `placeholder:"HOST:PORT" help:"Execute tasks only when invoked by POST /invoke at this address. Requires --secret-file."`
	For      time.Duration `default:"5m" placeholder:"TIME" help:"The longest duration of such a request (default 5m); no task begins in the last fifth."`
	Lease    time.Duration `default:"15s" placeholder:"TIME" help:"How long it may be silent before others take its tasks (default 15s); it gives them up itself after two thirds."`
	Invoking
	Accepting
	CodeDir string `env:"DAGSCOPE_CODE_DIR" placeholder:"DIR" help:"Folder of working folders, unpacked files and prepared environments of --accept-code (default dagscope in the folder of this user's caches)."`
	Child   bool   `hidden:"" help:"This process is a child of one with --children."`
}

// minMemory is the least memory with which a process works; the runtime grows in steps of 64 MiB.
const minMemory = 128 << 20

// Validate is called by kong.
func (o *Options) Validate() error {
	switch {
	case !o.IsSet():
		return errors.New("--redis is missing, expected the Redis with shared runs, such as redis://127.0.0.1:6379, or DAGSCOPE_REDIS")
	case o.Slots < 0 || o.Children < 0:
		return fmt.Errorf("--slots is %d and --children %d, expected at least 1", o.Slots, o.Children)
	case o.Listen != "" && o.Children > 0:
		return errors.New("--listen and --children are given, expected one of them: start one listening worker for each process")
	case o.Listen != "" && o.SecretFile == "":
		return errors.New("--listen is given without --secret-file, expected the file of the secret that signs requests")
	case o.For < 5*time.Second:
		return fmt.Errorf("--for is %s, expected at least 5s", o.For)
	case o.Lease < time.Second:
		return fmt.Errorf("--lease is %s, expected at least 1s", o.Lease)
	case o.Memory != 0 && o.Memory < minMemory:
		return fmt.Errorf("--memory is %d MiB, expected at least %d", o.Memory>>20, minMemory>>20)
	}
	return errors.Join(o.Invoking.check(), o.Accepting.Check(o.SecretFile))
}

// lanes returns how many processors tasks may use, and the number of lanes; 0 for the defaults of the pool.
func (o *Options) lanes() (width, slots int) {
	slots = o.Slots
	if slots == 0 && o.Child {
		slots = 1 // so that a task that ends the process is identified
	}
	return min(slots, runtime.GOMAXPROCS(0)), slots
}

// name is the name of this process in records.
func (o *Options) name() string {
	switch {
	case o.Name == "":
		host, _ := os.Hostname() // without a host name, the pid has to do
		return fmt.Sprintf("%s:%d", host, os.Getpid())
	case o.Child:
		return fmt.Sprintf("%s:%d", o.Name, os.Getpid()) // the name is that of all children
	default:
		return o.Name
	}
}
