package code

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/environment"
)

const (
	// MaxBundle bounds the files of a bundle, packed and unpacked, in bytes.
	MaxBundle = 64 << 20
	// maxFiles bounds their number.
	maxFiles = 10_000
)

// Bundle is what the tasks of a graph need: files and environments. Its values are constants of graphs.
type Bundle struct {
	// Files is a zip archive of regular files, nil for none; see Pack.
	Files []byte
	// Environments by the names that tasks use.
	Environments map[string]environment.Spec
	// Hash names it; see Seal.
	Hash string
}

// Seal sets Hash, which is of everything else.
func (b *Bundle) Seal() error {
	sum, err := b.sum()
	b.Hash = sum
	return err
}

func (b *Bundle) sum() (string, error) {
	data, err := canonical.Marshal(Bundle{Files: b.Files, Environments: b.Environments})
	if err != nil {
		return "", fmt.Errorf("code: a bundle cannot be encoded: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Pack packs the regular files of a folder whose slash-separated paths are given, sorted and without times, so that equal
// files give equal bytes. Links are followed if they end in the folder.
func Pack(folder string, paths []string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("code: %w", err)
	}
	defer func() { _ = root.Close() }()
	if len(paths) > maxFiles {
		return nil, fmt.Errorf("code: %d files, expected at most %d", len(paths), maxFiles)
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	left := int64(MaxBundle)
	for _, path := range slices.Sorted(slices.Values(paths)) {
		if left, err = add(archive, root, path, left); err != nil {
			return nil, fmt.Errorf("code: %s: %w", path, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// add adds one file, of at most left bytes, and returns how many are left after it.
func add(archive *zip.Writer, root *os.Root, path string, left int64) (int64, error) {
	f, err := root.Open(filepath.FromSlash(path))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("it is a %s, expected a regular file", info.Mode().Type())
	}
	header := &zip.FileHeader{Name: path, Method: zip.Deflate}
	header.SetMode(0o644 | info.Mode()&0o111)
	w, err := archive.CreateHeader(header)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, io.LimitReader(f, left+1))
	if n > left {
		return 0, fmt.Errorf("the files exceed %d bytes", MaxBundle)
	}
	return left - n, err
}

// Unpack writes the files of a bundle into a folder, which has to be empty. It refuses paths out of the folder, links, and
// archives that unpack to too much, before it writes anything.
func Unpack(archive []byte, folder string) error {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return fmt.Errorf("code: the files of a bundle: %w, expected a zip archive", err)
	}
	if err := checkArchive(r); err != nil {
		return fmt.Errorf("code: the files of a bundle: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("code: %w", err)
	}
	defer func() { _ = root.Close() }()
	left := int64(MaxBundle)
	for _, f := range r.File {
		if left, err = extract(root, f, left); err != nil {
			return fmt.Errorf("code: the files of a bundle: %s: %w", f.Name, err)
		}
	}
	return nil
}

func checkArchive(r *zip.Reader) error {
	if len(r.File) > maxFiles {
		return fmt.Errorf("%d files, expected at most %d", len(r.File), maxFiles)
	}
	seen := map[string]bool{}
	for _, f := range r.File {
		switch {
		case !fs.ValidPath(f.Name) || f.Name == "." || strings.ContainsAny(f.Name, "\\\x00:"):
			return fmt.Errorf("the path %q, expected one below the folder", f.Name)
		case !f.Mode().IsRegular():
			return fmt.Errorf("%s is a %s, expected a regular file", f.Name, f.Mode().Type())
		case seen[f.Name]:
			return fmt.Errorf("%s comes twice", f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

// isUnpacked reports whether a folder has the files of an archive as they are in it.
func isUnpacked(archive []byte, folder string) bool {
	if _, err := os.Stat(folder); err != nil || len(archive) == 0 {
		return err == nil
	}
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return false
	}
	for _, f := range r.File {
		got, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(f.Name)))
		if err != nil || uint64(len(got)) != f.UncompressedSize64 || crc32.ChecksumIEEE(got) != f.CRC32 {
			return false
		}
	}
	return true
}

// extract writes one file, of at most left bytes, and returns how many are left after it.
func extract(root *os.Root, f *zip.File, left int64) (int64, error) {
	path := filepath.FromSlash(f.Name)
	if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	from, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer func() { _ = from.Close() }()
	to, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644|f.Mode()&0o111)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(to, io.LimitReader(from, left+1))
	if n > left {
		err = errors.Join(err, fmt.Errorf("the files exceed %d bytes", MaxBundle))
	}
	return left - n, errors.Join(err, to.Close())
}
