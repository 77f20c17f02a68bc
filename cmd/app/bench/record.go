package bench

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// newRecorder gives what the runs of a mode are recorded with; files are kept below dir.
func newRecorder(ctx context.Context, mode Mode, dir string) (recorder, error) {
	switch mode {
	case Steps:
		return recorder{Recorder: &folder{folds: map[record.RunID]*metricsstore.Fold{}}}, nil
	case Archive:
		return newArchive(memory.New())
	case Disk:
		store, err := embedded.Open(ctx, embedded.Config{Dir: filepath.Join(dir, "data")})
		if err != nil {
			return recorder{}, err
		}
		return newArchive(store)
	}
	return recorder{}, nil
}

// newArchive starts a recorder on a store, which it closes in the end.
func newArchive(store metricsstore.Store) (recorder, error) {
	r, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
	if err != nil {
		return recorder{}, errors.Join(err, store.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return recorder{r, func() error {
		stop()
		return errors.Join(<-ended, store.Close())
	}}, nil
}

// folder records nothing but digests: what a run costs whose steps are kept in memory only.
type folder struct {
	mu    sync.Mutex
	folds map[record.RunID]*metricsstore.Fold
	err   error
}

// Begin implements record.Recorder.
func (f *folder) Begin(info record.RunInfo, g *dag.Graph) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.folds[info.ID] = metricsstore.NewFold(g)
	return nil
}

// Steps implements record.Recorder.
func (f *folder) Steps(run record.RunID, steps []record.Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = errors.Join(f.err, f.folds[run].Steps(steps))
}

// Details implements record.Recorder.
func (f *folder) Details(record.RunID, []record.Detail, []record.WorkerRecord) {}

// End implements record.Recorder.
func (f *folder) End(run record.RunID, _ record.RunEnd) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.folds[run].Digests()
	delete(f.folds, run)
	return f.err
}
