package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
)

// Format reads files of one format. Its methods are safe for concurrent use.
type Format interface {
	// Name is one word in lower case, such as "spark"; Title is for people, such as "Spark event log".
	Name() string
	Title() string
	// Sniff says what a file is to this format. head is its beginning, decompressed and without a byte order mark: all
	// of it, or at least 64 KiB. name may help where the content is ambiguous and is never enough to say Main.
	Sniff(name string, head []byte) Part
	// Read reads the runs of one drop: files that Sniff called Main, at least one, and Companion. It reads as much of a
	// damaged file as it can and reports the rest in Run.Incomplete; if nothing is left, the error is an ErrFormat. It
	// must not keep files after it returns.
	Read(ctx context.Context, files []File) ([]*Run, error)
}

// Snippet is implemented by formats of tools that record too little by themselves.
type Snippet interface {
	// Snippet is a program of a few lines that people add to theirs; it writes a record that the format reads, with what
	// the tool does not write itself.
	Snippet() string
}

// Part is what a file is to a format.
type Part uint8

// Parts of a record.
const (
	Foreign   Part = iota // none of this format
	Companion             // tells more about runs of other files, such as a graph
	Main                  // contains runs
)

// File is one file of a drop.
type File struct {
	// Path is relative to what was dropped, with slashes.
	Path string
	Part Part
	// Size is the number of bytes after decompression, -1 if that is not known.
	Size int64
	// Open returns the content, decompressed and without a byte order mark. A file can be opened several times. Reading
	// more than Limits.Bytes fails with ErrTooLarge.
	Open func() (io.ReadCloser, error)
}

// Base is the last element of Path.
func (f *File) Base() string { return path.Base(f.Path) }

// ReadEach reads each file that is Main by itself, for formats in which a file is a run. Runs without a Path get that of
// their file. The error is the first one, or that of ctx.
func ReadEach(ctx context.Context, files []File, read func(*File) (*Run, error)) ([]*Run, error) {
	var runs []*Run
	for i := range files {
		f := &files[i]
		if f.Part != Main {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		run, err := read(f)
		if err != nil {
			return nil, err
		}
		run.Path = cmp.Or(run.Path, f.Path)
		runs = append(runs, run)
	}
	return runs, nil
}

// Limits of records.
const (
	MaxTasks    = 2_000_000 // of a run; attempts count
	MaxEdges    = 4_000_000
	MaxBytes    = 8 << 30  // of one file, decompressed
	MaxText     = 16 << 10 // of a command or message
	MaxWorkers  = 1 << 16
	MaxAttempts = 1<<16 - 1 // of one task
)

// Errors of readers and Compile.
var (
	// ErrFormat: the file is not what it should be; the text says what was expected and where.
	ErrFormat = errors.New("not a record that can be read")
	// ErrTooLarge: the record exceeds a limit.
	ErrTooLarge = errors.New("the record is too large")
)

// Fault says where in a file something is wrong. It is an ErrFormat.
type Fault struct {
	Path string
	Line int    // from 1, 0 if the format has no lines
	Byte int64  // offset in the decompressed file, -1 if it is not known
	Text string // what is wrong and what was expected
}

// Error implements error.
func (f *Fault) Error() string {
	where := f.Path
	if f.Line > 0 {
		where += fmt.Sprintf(": line %d", f.Line)
	}
	if f.Byte >= 0 {
		where += fmt.Sprintf(": byte %d", f.Byte)
	}
	return where + ": " + f.Text
}

// Nothing is the Fault of files that have no run in them: it names the first one that is Main.
func Nothing(files []File, text string) *Fault {
	fault := &Fault{Byte: -1, Text: text}
	if i := slices.IndexFunc(files, func(f File) bool { return f.Part == Main }); i >= 0 {
		fault.Path = files[i].Path
	}
	return fault
}

// Is makes a Fault an ErrFormat.
func (f *Fault) Is(target error) bool { return target == ErrFormat }
