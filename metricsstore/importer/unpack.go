package importer

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

var (
	zipMagic = []byte("PK\x03\x04")
	tarMagic = []byte("ustar")
)

// tarMagicAt is where a tar file has its magic number.
const tarMagicAt = 257

// unpack adds a file, or what it contains if it is a tar or zip file.
func (d *Drop) unpack(f item) error {
	head, err := headOf(f.open, len(zipMagic))
	if err != nil {
		return err
	}
	if bytes.HasPrefix(head, zipMagic) {
		return d.unzip(f)
	}
	plain := f.decompressed()
	head, err = headOf(plain.open, tarMagicAt+len(tarMagic))
	if err == nil && len(head) > tarMagicAt && bytes.Equal(head[tarMagicAt:], tarMagic) {
		return d.untar(plain)
	}
	return d.add(plain) // an error occurs again when it is read, and is then reported for the file
}

// headOf returns the first n bytes of a file, or all if there are fewer.
func headOf(open func() (io.ReadCloser, error), n int) ([]byte, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	head, err := io.ReadAll(io.LimitReader(in, int64(n)))
	return head, err
}

// untar adds the regular files of a tar file.
func (d *Drop) untar(f item) error {
	in, err := f.open()
	if err != nil {
		return err
	}
	defer in.Close()
	for entries := tar.NewReader(in); ; {
		h, err := entries.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%w: %s: it is a tar file and cannot be unpacked (%w), expected a whole file", ErrFile, f.path, err)
		case h.Typeflag != tar.TypeReg:
			continue
		case isSparse(h):
			return fmt.Errorf("%w: %s: %s has holes, expected a tar file that was made without --sparse", ErrFile, f.path, h.Name)
		}
		entry, err := d.spool(h.Name, entries)
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		if err := d.add(entry.decompressed()); err != nil {
			return err
		}
	}
}

// isSparse reports whether an entry has holes, by which a small file can stand for one of any size.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// unzip adds the regular files of a zip file, which are read where they lie.
func (d *Drop) unzip(f item) error {
	in, err := f.open()
	if err != nil {
		return err
	}
	d.closers = append(d.closers, in)
	file, isFile := in.(*os.File)
	if !isFile {
		return d.add(f)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	entries, err := zip.NewReader(file, info.Size())
	if err != nil {
		return fmt.Errorf("%w: %s: it is a zip file and cannot be unpacked (%w), expected a whole file", ErrFile, f.path, err)
	}
	for _, entry := range entries.File {
		if !entry.Mode().IsRegular() {
			continue
		}
		if d.unpacked += min(entry.UncompressedSize64, maxSpooled+1); d.unpacked > maxSpooled {
			return fmt.Errorf("%w: %s: its files are more than %d bytes", ErrTooLarge, f.path, int64(maxSpooled))
		}
		packed := item{cleanPath(entry.Name), entry.Open}
		if err := d.add(packed.decompressed()); err != nil {
			return err
		}
	}
	return nil
}
