package python

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"time"
)

// Config of a Pool. Package is required; the zero value of the rest means the defaults.
type Config struct {
	// Package is the Python package dagscope, in a folder of that name, of the version of this program: python.FS().
	Package fs.FS
	// Folder is where it is unpacked, in a folder of its own for each version, which stays; default: a temporary folder,
	// which Run removes.
	Folder string
	// Interpreter is the path of the program, or its name in the PATH of Env; default python3. It has to be Python 3.9 or
	// later.
	Interpreter string
	// Env is the whole environment as KEY=value, see process.Environment; nothing is inherited.
	Env []string
	// Path are further entries of sys.path, which come first.
	Path []string
	// Preimport are modules that an interpreter imports before its first call. One that cannot be imported fails the calls
	// that need it.
	Preimport []string
	// Max is how many interpreters there are at most, so how many calls at a time; default: one for each processor.
	Max int
	// Recycle is after how many calls an interpreter is replaced, which takes as long as thousands of short
	// calls; default 100,000.
	Recycle int
	// MaxMemory is above how many bytes of resident memory after a call an interpreter is replaced; default 1 GiB.
	MaxMemory int64
	// Idle is after how long an interpreter ends that has nothing to do; default 1 min.
	Idle time.Duration
	// Grace is how long a function may take to end after it was interrupted, and an interpreter that is not needed any
	// more; then they are killed. Default 5 s.
	Grace time.Duration
	// StartTimeout is how long an interpreter may take to start, with the imports of Preimport; default 1 min.
	StartTimeout time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Package == nil {
		return c, errors.New("python: Package is nil, expected python.FS()")
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"Max", int64(c.Max)},
		{"Recycle", int64(c.Recycle)},
		{"MaxMemory", c.MaxMemory},
		{"Idle", int64(c.Idle)},
		{"Grace", int64(c.Grace)},
		{"StartTimeout", int64(c.StartTimeout)},
	} {
		if n.value < 0 {
			return c, fmt.Errorf("python: %s is %d, must be at least 0", n.name, n.value)
		}
	}
	if c.Interpreter == "" {
		c.Interpreter = "python3"
	}
	c.Max = orDefault(c.Max, runtime.GOMAXPROCS(0))
	c.Recycle = orDefault(c.Recycle, 100_000)
	c.MaxMemory = orDefault(c.MaxMemory, 1<<30)
	c.Idle = orDefault(c.Idle, time.Minute)
	c.Grace = orDefault(c.Grace, 5*time.Second)
	c.StartTimeout = orDefault(c.StartTimeout, time.Minute)
	return c, nil
}

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

// setup is the first request to an interpreter. Its lists are not nil, which would be None there.
func (c *Config) setup() setup {
	return setup{Version: version, Path: append([]string{}, c.Path...), Preimport: append([]string{}, c.Preimport...)}
}
