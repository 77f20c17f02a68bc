package embedded

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/dagscope/dagscope/metricsstore"
)

// errPages: pages of the file are damaged.
var errPages = errors.New("the data file is damaged")

func isPages(err error) bool { return errors.Is(err, errPages) }

// guarded calls f, which reads or writes pages of the file that may be damaged: where bbolt panics on them, or reads
// beyond the end of the mapped file, the error is ErrCorrupt and errPages.
func guarded(path string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %w: %s: %v", metricsstore.ErrCorrupt, errPages, path, p)
		}
	}()
	return f()
}
