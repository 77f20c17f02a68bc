package importer

import (
	"context"
	"errors"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// Limits of how often the files of a format are read to find those that are at fault.
const (
	maxFaults = 8       // after so many, each file is read for itself
	maxAlone  = 200_000 // files that are opened for that
)

// together reads the runs of one format. A file that is at fault is left out, and the others are read without it.
type together struct {
	format records.Format
	files  []records.File
	each   func(*found) error
}

func readFormat(ctx context.Context, format records.Format, files []records.File, each func(*found) error) error {
	t := &together{format, slices.Clone(files), each}
	for faults := 0; slices.ContainsFunc(t.files, isMain); faults++ {
		runs, err := format.Read(ctx, t.files)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			return compile(format, t.files, runs, each)
		}
		at := t.culprit(err)
		switch {
		case at >= 0 && faults < maxFaults:
			err = t.leaveOut(at, err)
		case faults <= maxFaults:
			faults = maxFaults
			err = t.readAlone(ctx, err)
		default: // each of them can be read, and not all together
			err = t.leaveOutAll(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isMain(f records.File) bool { return f.Part == records.Main }

// culprit is the file that an error is about, -1 if it does not say.
func (t *together) culprit(err error) int {
	if fault := new(records.Fault); errors.As(err, &fault) {
		return slices.IndexFunc(t.files, func(f records.File) bool { return f.Path == fault.Path })
	}
	return -1
}

// leaveOut reports a file as one that cannot be read.
func (t *together) leaveOut(at int, err error) error {
	path := t.files[at].Path
	t.files = slices.Delete(t.files, at, at+1)
	return t.each(&found{path: path, format: t.format.Name(), err: ofFile(path, err)})
}

func (t *together) leaveOutAll(err error) error {
	for {
		at := slices.IndexFunc(t.files, isMain)
		if at < 0 {
			return nil
		}
		if err := t.leaveOut(at, err); err != nil {
			return err
		}
	}
}

// readAlone leaves out the files with runs that cannot be read although no other one with runs is there. all is the
// error of reading them together.
func (t *together) readAlone(ctx context.Context, all error) error {
	mains, beside := []records.File{}, []records.File{}
	for _, f := range t.files {
		if isMain(f) {
			mains = append(mains, f)
		} else {
			beside = append(beside, f)
		}
	}
	if len(mains) == 1 || len(mains)*(1+len(beside)) > maxAlone {
		return t.leaveOutAll(all)
	}
	for _, f := range mains {
		_, err := t.format.Read(ctx, append([]records.File{f}, beside...))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			continue
		}
		at := slices.IndexFunc(t.files, func(other records.File) bool { return other.Path == f.Path })
		if err := t.leaveOut(at, err); err != nil {
			return err
		}
	}
	return nil
}
