package embedded

import (
	"fmt"
	"runtime/debug"

	"github.com/dagscope/dagscope/metricsstore"
)

// guarded calls what reads or writes pages of the file, which may be damaged: where bbolt panics on them, or reads
// behind the end of the mapped file, the error is ErrCorrupt.
func guarded(path string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: pages of %s: %v", metricsstore.ErrCorrupt, path, p)
		}
	}()
	return f()
}
