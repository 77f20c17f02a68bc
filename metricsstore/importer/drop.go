package importer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// Limits of a drop.
const (
	maxFiles   = 20_000
	maxSpooled = 16 << 30 // bytes that are unpacked into temporary files
)

// Drop is a set of files to import together: files and folders of this machine, and streams, which it keeps in
// temporary files. It must be closed.
type Drop struct {
	// Formats are those in which records are looked for; nil means Formats.
	Formats []records.Format

	files   []item
	taken   map[string]bool // paths of files
	again   map[string]int  // files that had the path of another one
	temp    string          // folder of temporary files, made when it is needed
	spooled int64
	// unpacked is how large the entries of zip files are, as they say.
	unpacked uint64
	closers  []io.Closer
}

// item is one file as it lies in the drop.
type item struct {
	path string
	open func() (io.ReadCloser, error)
}

// AddPath adds a file, or all files in a folder and those below it, except for those of git. They keep the path by which
// they are given, as two of them may have one name. The error is ErrFile for a folder without files.
func (d *Drop) AddPath(name string) error {
	before := len(d.files)
	if info, err := os.Stat(name); err == nil && info.IsDir() { // WalkDir does not follow a link
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	err := filepath.WalkDir(name, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case file != name && !entry.Type().IsRegular(), entry.IsDir():
			return nil
		}
		return d.addFile(file)
	})
	if err == nil && len(d.files) == before {
		err = fmt.Errorf("%w: there is no file in it, expected one or a folder with some", ErrFile)
	}
	return err
}

// addFile adds a file. A pipe can be read only once, so its content is kept.
func (d *Drop) addFile(file string) error {
	open := func() (io.ReadCloser, error) { return os.Open(file) }
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return d.AddStream(file, in)
	}
	return d.unpack(item{filepath.ToSlash(file), open})
}

// AddStream adds what r contains, under a name. The error is ErrTooLarge above 16 GiB, or that of r.
func (d *Drop) AddStream(name string, r io.Reader) error {
	spooled, err := d.spool(name, r)
	if err != nil {
		return err
	}
	return d.unpack(spooled)
}

// add adds a file as it is. A path that another file has gets a number in front, as a folder: paths tell files apart,
// and their last elements say what they are.
func (d *Drop) add(f item) error {
	if len(d.files) == maxFiles {
		return fmt.Errorf("%w: more than %d files", ErrTooLarge, maxFiles)
	}
	name := f.path
	if d.taken == nil {
		d.taken, d.again = map[string]bool{}, map[string]int{}
	}
	for d.taken[f.path] {
		d.again[name]++
		f.path = fmt.Sprintf("%d/%s", d.again[name]+1, name)
	}
	d.taken[f.path] = true
	d.files = append(d.files, f)
	return nil
}

// spool writes r to a temporary file.
func (d *Drop) spool(name string, r io.Reader) (item, error) {
	if d.temp == "" {
		temp, err := os.MkdirTemp("", "dagscope-import-")
		if err != nil {
			return item{}, err
		}
		d.temp = temp
	}
	out, err := os.CreateTemp(d.temp, "")
	if err != nil {
		return item{}, err
	}
	n, err := io.Copy(out, io.LimitReader(r, maxSpooled-d.spooled+1))
	d.spooled += n
	if err = errors.Join(err, out.Close()); err == nil && d.spooled > maxSpooled {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, int64(maxSpooled))
	}
	kept := out.Name()
	return item{cleanPath(name), func() (io.ReadCloser, error) { return os.Open(kept) }}, err
}

// Spooled is how many bytes the temporary files of the drop take.
func (d *Drop) Spooled() int64 { return d.spooled }

// cleanPath makes the name that an archive or a browser gives to a file a relative path.
func cleanPath(name string) string {
	clean := strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
	if clean == "" {
		return "file"
	}
	return clean
}

// Close removes the temporary files.
func (d *Drop) Close() error {
	var errs []error
	for _, c := range d.closers {
		errs = append(errs, c.Close())
	}
	if d.temp != "" {
		errs = append(errs, os.RemoveAll(d.temp))
	}
	return errors.Join(errs...)
}
