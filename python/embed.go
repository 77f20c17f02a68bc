// Package python embeds the Python package dagscope, which interpreters of workers import, so that each worker has the
// version that fits it.
//
// The files are those below dagscope: pure Python without dependencies, some 40 KiB. What is next to them, tests and what
// pip needs to install the package, is left out.
//
// Caveats: embedded files have no modification time. Python compiles the files when it first imports them.
package python

import "embed"

// The pattern names files, since go:embed leaves out those of a folder that begin with an underscore without a word.
//
//go:embed dagscope/*.py dagscope/py.typed
var embedded embed.FS

// FS returns the package, in the folder dagscope.
func FS() embed.FS { return embedded }
