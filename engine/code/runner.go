package code

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/environment"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
)

// Config of a Runner. Dir, Environments and Package are required; the zero value of the rest means the defaults.
type Config struct {
	// Dir is where working folders and unpacked bundles are. Several processes may share it.
	Dir string
	// Environments is the folder of prepared environments, which is created when a task first needs one.
	Environments string
	// Package is the Python package dagscope: python.FS().
	Package fs.FS
	// Secret, unless nil, is what tasks have to be signed with; without it every task is executed, so whoever can submit a
	// graph must be allowed to execute code here.
	Secret []byte
	// Interpreters bounds the Python interpreters of each environment; default GOMAXPROCS.
	Interpreters int
	// Allow lists the variables of this process that commands get, as process.Environment; default AllowedVariables.
	Allow []string
	// SecretValue returns the value of a variable that a task names as secret; default: none exists.
	SecretValue func(name string) (string, error)
	// AllowPickle has pickles accepted from tasks that ask for it.
	AllowPickle bool
	// KeepFailed keeps the working folders of commands that failed.
	KeepFailed bool
}

// AllowedVariables is the default of Config.Allow: what programs need to find files and to speak the user's language.
var AllowedVariables = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP", "SystemRoot",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Dir == "":
		return c, errors.New("code: Dir is empty, expected a folder")
	case c.Environments == "":
		return c, errors.New("code: Environments is empty, expected a folder")
	case c.Package == nil:
		return c, errors.New("code: Package is nil, expected python.FS()")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, fmt.Errorf("code: %w", err)
	}
	c.Dir = dir
	if c.Interpreters <= 0 {
		c.Interpreters = runtime.GOMAXPROCS(0)
	}
	if c.Allow == nil {
		c.Allow = AllowedVariables
	}
	if c.SecretValue == nil {
		c.SecretValue = func(name string) (string, error) {
			return "", fmt.Errorf("code: this worker has no secret %s", name)
		}
	}
	return c, nil
}

// Runner executes tasks. Safe for concurrent use; tasks wait until Run was called.
type Runner struct {
	cfg          Config
	bundles      bundles
	environments environments
	interpreters interpreters
	// folders has the working folders of commands, and removes what killed processes left of theirs. They stay until tasks
	// have ended, which may be after Run.
	folders workFolders
}

// New checks the configuration.
func New(cfg Config) (*Runner, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg}
	r.bundles.dir = filepath.Join(cfg.Dir, "bundles")
	r.environments.dir = cfg.Environments
	r.interpreters.init(cfg)
	r.folders.dir = filepath.Join(cfg.Dir, "work")
	return r, nil
}

// Run keeps interpreters until ctx ends, and returns when the last one has ended. Tasks that are executed then continue
// until their own contexts end. Unpacked bundles that no process uses are removed after a week, or if a hundred others were
// used later.
func (r *Runner) Run(ctx context.Context) error {
	defer r.environments.release()
	var pruning sync.WaitGroup
	pruning.Go(func() { r.bundles.run(ctx) })
	defer pruning.Wait()
	return r.interpreters.run(ctx)
}

// Prepare implements worker.Config.Prepare: it makes the environments ready that tasks of the run name, and starts
// interpreters, so that no task waits for one, in which it looks for every function.
func (r *Runner) Prepare(job execution.Job) worker.Preparation {
	specs, calls := needed(job.Graph), callsOf(job.Graph)
	if len(specs) == 0 && len(calls) == 0 {
		return nil
	}
	return func(ctx context.Context, report func(record.Preparation)) error {
		for i := range specs {
			if err := r.prepare(ctx, specs[i], report); err != nil {
				return err
			}
		}
		for i := range calls {
			if err := r.warm(ctx, &calls[i], report); err != nil {
				return err
			}
		}
		return nil
	}
}

func (r *Runner) prepare(ctx context.Context, spec environment.Spec, report func(record.Preparation)) error {
	began := false
	_, err := r.environments.get(ctx, spec, func(p environment.Progress) {
		began = began || p.State == environment.Preparing
		report(record.Preparation{
			Key: string(p.Key), Name: p.Name, Bytes: p.Bytes, Done: p.State == environment.Ready, Reused: !began,
		})
	})
	var failed *environment.FailedError
	if errors.As(err, &failed) {
		report(record.Preparation{Key: string(failed.Key), Name: spec.Name, Done: true, Error: failed.Error()})
	}
	return err
}

// warm starts interpreters for calls. A task that is not signed is refused when it is executed, and costs none.
func (r *Runner) warm(ctx context.Context, c *calls, report func(record.Preparation)) error {
	if !r.accepts(&c.first) {
		return nil
	}
	w := &work{runner: r, task: &Task{Bundle: c.first.Bundle, Environment: c.first.Environment}}
	defer w.end()
	if err := w.prepare(ctx, &c.bundle); err != nil {
		return err
	}
	pool, err := r.interpreters.get(ctx, w, c.modules)
	if err != nil {
		return err
	}
	preparation := record.Preparation{Key: "python " + c.first.Bundle + " " + c.first.Environment, Name: "Python interpreters"}
	report(preparation)
	started, err := pool.Warm(ctx, min(c.most, r.cfg.Interpreters))
	if err == nil {
		err = c.check(ctx, pool)
	}
	preparation.Done, preparation.Reused = true, started == 0 && err == nil
	if err != nil {
		preparation.Error = err.Error()
	}
	report(preparation)
	return err
}

// accepts reports whether a task may be executed here.
func (r *Runner) accepts(t *Task) bool { return r.cfg.Secret == nil || t.verify(r.cfg.Secret) }

// Sign signs a task with the secret of the runner, if it has one.
func (r *Runner) Sign(t *Task) error {
	if r.cfg.Secret == nil {
		return nil
	}
	return t.Sign(r.cfg.Secret)
}

// body prepares what a task says, for the values and the lists of values that it reads.
func (r *Runner) body(ctx context.Context, t Task, b Bundle, values []Value, lists [][]Value) (*work, error) {
	if !r.accepts(&t) {
		return nil, engine.NoRetry(errors.New("code: the task is not signed with this worker's secret, expected one that a process with the same secret submitted"))
	}
	if err := t.check(len(values), len(lists)); err != nil {
		return nil, engine.NoRetry(err)
	}
	w := &work{runner: r, task: &t, values: values, lists: lists, log: engine.Task(ctx).Output}
	if err := w.prepare(ctx, &b); err != nil {
		w.end()
		return nil, err
	}
	return w, nil
}

// Signatures of functions of this package: they differ in what they return.
var (
	one  = engine.Func4("one", func(context.Context, Task, Bundle, []Value, [][]Value) (Value, error) { return Value{}, nil }).Signature()
	many = engine.Func4("many", func(context.Context, Task, Bundle, []Value, [][]Value) ([]Value, error) { return nil, nil }).Signature()
)

// Function is the function of a signature: it executes the task that is its first argument, and returns its value, or
// the elements of it that a fan-out needs. It is nil for a signature that tasks do not have.
func (r *Runner) Function(s engine.Signature) *engine.Function {
	switch {
	case s.Name == "":
		return nil
	case hasTypes(s, one):
		return r.One(s.Name).Function
	case hasTypes(s, many):
		return r.Many(s.Name).Function
	default:
		return nil
	}
}

// IsTask reports whether a function of a signature executes tasks of this package.
func IsTask(s engine.Signature) bool { return hasTypes(s, one) || hasTypes(s, many) }

func hasTypes(s, of engine.Signature) bool {
	s.Name = of.Name
	return s.Equal(of)
}

// One declares the function of tasks of a name.
func (r *Runner) One(name string) engine.F4[Task, Bundle, []Value, [][]Value, Value] {
	return engine.Func4(name, func(ctx context.Context, t Task, b Bundle, values []Value, lists [][]Value) (Value, error) {
		w, err := r.body(ctx, t, b, values, lists)
		if err != nil {
			return Value{}, err
		}
		defer w.end()
		return w.one(ctx)
	})
}

// Many declares the function of tasks of a name whose elements a fan-out runs over.
func (r *Runner) Many(name string) engine.F4[Task, Bundle, []Value, [][]Value, []Value] {
	return engine.Func4(name, func(ctx context.Context, t Task, b Bundle, values []Value, lists [][]Value) ([]Value, error) {
		w, err := r.body(ctx, t, b, values, lists)
		if err != nil {
			return nil, err
		}
		defer w.end()
		return w.many(ctx)
	})
}
