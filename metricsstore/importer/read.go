package importer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// sniffed is how much of a file its format is recognised by, in bytes.
const sniffed = 64 << 10

// found is a run that was read from a drop, or a file from which none could be read.
type found struct {
	path      string
	format    string
	archive   *metricsstore.Portable // one of the two, if err is nil
	recording *records.Recording
	err       error
}

func (f *found) id() record.RunID {
	if f.archive != nil {
		return f.archive.Run.Info.ID
	}
	return f.recording.Info.ID
}

// read finds the runs of a drop and passes on one after the other, so that only one is held at a time. The error is
// that of each, or of ctx.
func (i *Importer) read(ctx context.Context, d *Drop, each func(*found) error) error {
	formats := d.Formats
	if formats == nil {
		formats = Formats()
	}
	parts := make([][]records.File, len(formats))
	for _, f := range d.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		head, err := headOf(f.open, sniffed)
		switch {
		case err != nil:
			err = each(&found{path: f.path, err: ofFile(f.path, err)})
		case bytes.HasPrefix(head, []byte(metricsstore.ArchiveMagic)):
			err = each(i.readArchive(f))
		case bytes.HasPrefix(head, []byte(metricsstore.ReportMagic)):
			err = each(i.readArchive(reported(f)))
		default:
			if !claim(formats, parts, f, head) {
				err = each(&found{path: f.path, err: unknown(head)})
			}
		}
		if err != nil {
			return err
		}
	}
	for k, files := range parts {
		if err := readFormat(ctx, formats[k], files, each); err != nil {
			return err
		}
	}
	return nil
}

// claim gives a file to the first format to which it is a record, and to all to which it tells more about one. It
// reports whether there is any.
func claim(formats []records.Format, parts [][]records.File, f item, head []byte) bool {
	isClaimed := false
	main := slices.IndexFunc(formats, func(format records.Format) bool { return format.Sniff(f.path, head) == records.Main })
	for k, format := range formats {
		part := records.Main
		if k != main {
			if part = format.Sniff(f.path, head); part != records.Companion {
				continue
			}
		}
		isClaimed = true
		parts[k] = append(parts[k], records.File{Path: f.path, Part: part, Size: -1, Open: f.open})
	}
	return isClaimed
}

// unknown is the error for a file that no format claims.
func unknown(head []byte) error {
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 {
		return fmt.Errorf("%w: it is empty, %s", ErrFile, expected)
	}
	return fmt.Errorf("%w: it begins with %q, %s", ErrFile, text[:min(len(text), 12)], expected)
}

func (i *Importer) readArchive(f item) *found {
	out := &found{path: f.path, format: Archive}
	in, err := f.open()
	if err == nil {
		defer in.Close()
		out.archive, err = metricsstore.ReadArchive(in, i.cfg.MaxArchive)
	}
	out.err = ofFile(f.path, err)
	return out
}

// reported is the archive within a report.
func reported(f item) item {
	return item{f.path, func() (io.ReadCloser, error) {
		in, err := f.open()
		if err != nil {
			return nil, err
		}
		archive, err := metricsstore.ReportedArchive(in)
		if err != nil {
			_ = in.Close() // it was only read
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{archive, in}, nil
	}}
}

// compile makes runs of what a format has read.
func compile(format records.Format, files []records.File, runs []*records.Run, each func(*found) error) error {
	digests := map[string]*[32]byte{}
	count := map[string]int{} // of runs, by the file that they were read from
	for k, run := range runs {
		path := cmp.Or(run.Path, files[slices.IndexFunc(files, func(f records.File) bool { return f.Part == records.Main })].Path)
		out := &found{path: path, format: format.Name()}
		own := filesOf(run, files)
		key := strings.Join(paths(own), "\x00")
		if digests[key] == nil {
			sum, err := digest(own)
			if err != nil { // such as of a file that was there when it was read
				out.err = ofFile(path, err)
				if err := each(out); err != nil {
					return err
				}
				continue
			}
			digests[key] = &sum
		}
		recording, err := records.Compile(run, records.Origin{Digest: *digests[key], Index: count[key]})
		count[key]++
		out.recording, out.err = recording, ofFile(path, err)
		if out.err != nil {
			out.recording = nil
		}
		runs[k] = nil // so that it can be freed before the next one is made
		if err := each(out); err != nil {
			return err
		}
	}
	return nil
}

// filesOf are the files that have a part in a run, as far as that is known.
func filesOf(run *records.Run, files []records.File) []records.File {
	own := run.Files
	switch {
	case own != nil:
	case run.Path == "", slices.ContainsFunc(files, func(f records.File) bool { return f.Part == records.Companion }):
		return files
	default:
		own = []string{run.Path}
	}
	return slices.DeleteFunc(slices.Clone(files), func(f records.File) bool { return !slices.Contains(own, f.Path) })
}

func paths(files []records.File) []string {
	out := make([]string, len(files))
	for i := range files {
		out[i] = files[i].Path
	}
	return out
}

// digest is the SHA-256 of a file, or of the digests of several in the order of their paths.
func digest(files []records.File) ([32]byte, error) {
	sums := make([][32]byte, 0, len(files))
	sorted := slices.SortedFunc(slices.Values(files), func(a, b records.File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range sorted {
		in, err := f.Open()
		if err != nil {
			return [32]byte{}, err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, in)
		_ = in.Close() // it was only read
		if err != nil {
			return [32]byte{}, err
		}
		sums = append(sums, [32]byte(sum.Sum(nil)))
	}
	if len(sums) == 1 {
		return sums[0], nil
	}
	all := sha256.New()
	for _, s := range sums {
		all.Write(s[:])
	}
	return [32]byte(all.Sum(nil)), nil
}
