package embedded

import (
	"errors"
	"runtime"
)

// errLocked: another process has the lock.
var errLocked = errors.New("embedded: locked by another process")

const windows = runtime.GOOS == "windows"
