package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/environment"
)

// envCommand is the group of commands about prepared environments.
type envCommand struct {
	List    envListCommand    `cmd:"" help:"List the environments, and the preparations that failed."`
	Prepare envPrepareCommand `cmd:"" help:"Prepare environments, or find those that are ready."`
	Prune   envPruneCommand   `cmd:"" help:"Remove environments that are not used, and what is left of interrupted preparations."`
}

// envFlags say where environments are.
type envFlags struct {
	EnvDir string `env:"DAGSCOPE_ENV_DIR" placeholder:"DIR" help:"Folder of prepared environments; environments in the folder of --data if not given."`
}

// environmentsDir is the folder in that of the records.
const environmentsDir = "environments"

// dir is the folder of environments.
func (f envFlags) dir(s *session) string {
	if f.EnvDir != "" {
		return f.EnvDir
	}
	return filepath.Join(s.flags.Data, environmentsDir)
}

// existing opens the store where there is one, since a question creates nothing; otherwise it is nil.
func (f envFlags) existing(s *session) (*environment.Store, error) {
	if _, err := os.Stat(f.dir(s)); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return environment.Open(f.dir(s))
}

// envListCommand lists environments.
type envListCommand struct{ envFlags }

// Run prints what the store has.
func (c *envListCommand) Run(s *session) error {
	store, err := c.existing(s)
	if err != nil {
		return err
	}
	entries := []environment.Entry{}
	if store != nil {
		if entries, err = store.List(); err != nil {
			return err
		}
	}
	if s.flags.JSON {
		return s.printJSON(map[string]any{"environments": entries})
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintf(s.stdout, "there are no environments in %s\n", c.dir(s))
		return err
	}
	t := newTable(left("environment"), left("state"), left("kind"), left("tool"), right("size"), left("used"), left("name"))
	for i := range entries {
		e := &entries[i]
		used := moment(e.Used)
		if e.InUse {
			used = "now"
		}
		t.add(string(e.Key)[:12], string(e.State), orDash(string(e.Kind)), orDash(e.Tool), size(e.Bytes), used, oneLine(orDash(e.Name), 60))
	}
	if err := t.print(s.stdout); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Reason != "" {
			fmt.Fprintf(s.stdout, "%s failed: %s\n", e.Key[:12], printable(e.Reason))
		}
	}
	return nil
}

// envPrepareCommand prepares environments.
type envPrepareCommand struct {
	Paths     []string `arg:"" name:"path" help:"requirements.txt, pyproject.toml, uv.lock, package-lock.json, or a folder with one of them."`
	Python    string   `placeholder:"VERSION" help:"Interpreter wanted: a version such as 3.11, a condition such as >=3.10, or a path; python3 if not given."`
	FindLinks string   `placeholder:"DIR" help:"Folder of wheels; no index and no network are used."`
	envFlags
}

// preparedJSON is an environment that is ready.
type preparedJSON struct {
	Key      environment.Key  `json:"key"`
	Name     string           `json:"name"`
	Kind     environment.Kind `json:"kind"`
	Dir      string           `json:"dir"`
	Python   string           `json:"python"` // path of its interpreter, empty without
	Bytes    int64            `json:"bytes"`
	Prepared bool             `json:"prepared"` // by this command
	TookNS   time.Duration    `json:"took_ns"`
}

// Run prepares one environment after the other, and stops at the first that fails.
func (c *envPrepareCommand) Run(ctx context.Context, s *session) error {
	specs, err := c.specs()
	if err != nil {
		return err
	}
	store, err := environment.Open(c.dir(s))
	if err != nil {
		return err
	}
	ready := []preparedJSON{}
	for _, spec := range specs {
		p, err := prepareShown(ctx, s, store, spec)
		if err != nil {
			return err
		}
		ready = append(ready, p)
		if !s.flags.JSON {
			p.print(s)
		}
	}
	if s.flags.JSON {
		return s.printJSON(map[string]any{"environments": ready})
	}
	return nil
}

// specs reads all paths before anything is prepared.
func (c *envPrepareCommand) specs() ([]environment.Spec, error) {
	var specs []environment.Spec
	for _, path := range c.Paths {
		spec, err := environment.Read(path)
		if err != nil {
			return nil, usageError{err}
		}
		spec.Python = c.Python
		if c.FindLinks != "" {
			if spec.FindLinks, err = filepath.Abs(c.FindLinks); err != nil {
				return nil, err
			}
		}
		if err := spec.Check(); err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// prepareShown prepares an environment and shows on standard error how far that is: on a terminal in one line that is drawn
// again, otherwise in a line for each state.
func prepareShown(ctx context.Context, s *session, store *environment.Store, spec environment.Spec) (preparedJSON, error) {
	begun, state := time.Now(), environment.State("")
	e, err := store.Prepare(ctx, spec, func(p environment.Progress) {
		switch {
		case p.State == environment.Ready || p.State == environment.Failed:
			if s.bars {
				fmt.Fprint(s.stderr, "\r\x1b[K")
			}
			return // the command says it
		case s.bars:
			fmt.Fprintf(s.stderr, "\r\x1b[K%s", oneLine(progressLine(p), 100))
		case p.State != state:
			fmt.Fprintln(s.stderr, printable(p.Name)+" is "+string(p.State))
		}
		state = p.State
	})
	if err != nil {
		return preparedJSON{}, err
	}
	e.Release()
	return preparedJSON{
		Key: e.Key, Name: e.Name, Kind: e.Kind, Dir: e.Dir, Python: e.Python(), Bytes: e.Bytes,
		Prepared: state == environment.Preparing, TookNS: time.Since(begun),
	}, nil
}

// progressLine says how far a preparation is.
func progressLine(p environment.Progress) string {
	parts := []string{fmt.Sprintf("%s is %s", p.Name, p.State), duration(p.Elapsed.Round(100 * time.Millisecond))}
	if p.Bytes > 0 {
		parts = append(parts, size(p.Bytes))
	}
	if p.Line != "" {
		parts = append(parts, p.Line)
	}
	return strings.Join(parts, ", ")
}

func (p *preparedJSON) print(s *session) {
	how := "was ready"
	switch {
	case p.Kind == environment.Folder:
		how = "is used as it is"
	case p.Prepared:
		how = fmt.Sprintf("is ready after %s and takes %s", duration(p.TookNS), size(p.Bytes))
	}
	fmt.Fprintf(s.stdout, "%s %s: %s\n", printable(p.Name), how, p.Dir)
}

// envPruneCommand removes environments.
type envPruneCommand struct {
	OlderThan time.Duration `default:"720h" placeholder:"TIME" help:"Remove what no process asked for in this time (720h); 0s removes all. Those in use stay."`
	envFlags
}

// Validate is called by kong.
func (c *envPruneCommand) Validate() error {
	if c.OlderThan < 0 {
		return fmt.Errorf("--older-than is %s, expected 0s or more, such as 720h", c.OlderThan)
	}
	return nil
}

// Run removes what is not needed, and reports it.
func (c *envPruneCommand) Run(ctx context.Context, s *session) error {
	store, err := c.existing(s)
	if err != nil {
		return err
	}
	removed := []environment.Entry{}
	if store != nil {
		removed, err = store.Prune(ctx, c.OlderThan)
	}
	if s.flags.JSON {
		return errors.Join(err, s.printJSON(map[string]any{"removed": removed}))
	}
	freed, failed := int64(0), int64(0)
	for _, e := range removed {
		freed += e.Bytes
		if e.State == environment.Failed {
			failed++
		}
	}
	fmt.Fprintf(s.stdout, "%s and what was left of %s are removed, which took %s\n",
		plural(int64(len(removed))-failed, "environment"), plural(failed, "failed preparation"), size(freed))
	return err
}
