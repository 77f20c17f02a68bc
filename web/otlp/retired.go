package otlp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records/otlp"
)

// retiredFile has the IDs of traces that are over, a line each, as long as the journal has lines of them.
const retiredFile = "retired"

// addRetired notes traces that are over.
func addRetired(dir string, traces []string) error {
	if len(traces) == 0 {
		return nil
	}
	return appendSynced(dir, filepath.Join(dir, retiredFile), os.O_APPEND, traces)
}

// writeRetired replaces all that was noted.
func writeRetired(dir string, traces []string) error {
	name := filepath.Join(dir, retiredFile)
	if err := appendSynced(dir, name+".new", os.O_TRUNC, traces); err != nil {
		return err
	}
	return errors.Join(os.Rename(name+".new", name), syncFolder(dir))
}

func appendSynced(dir, name string, how int, traces []string) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), syncFolder(dir)) }()
	var text strings.Builder
	for _, t := range traces {
		text.WriteString(t + "\n")
	}
	if _, err := f.WriteString(text.String()); err != nil {
		return err
	}
	return f.Sync()
}

// readRetired returns what was noted. The last line may be half of one: then its file was not removed.
func readRetired(dir string) (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(dir, retiredFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	retired := map[string]bool{}
	for trace := range strings.Lines(string(text)) {
		if whole, ended := strings.CutSuffix(trace, "\n"); ended {
			if key := otlp.TraceKey(whole); key != "" {
				retired[key] = true
			}
		}
	}
	return retired, nil
}
