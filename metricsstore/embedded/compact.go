package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	bolt "go.etcd.io/bbolt"
)

// compactBytes is how much one transaction of compacting copies.
const compactBytes = 16 << 20

// Compact implements metricsstore.Store: it writes all that is kept into a new file and replaces the old one by it.
// Until then, and whatever goes wrong, the old file is in use. Reads continue, except for the moment of the change;
// writes wait. It needs as much free space as the new file will take.
func (d *database) Compact(ctx context.Context) error {
	return d.exclusive(ctx, func() error {
		if d.broken != nil {
			return d.broken
		}
		path := filepath.Join(filepath.Dir(d.path), compactFile)
		if err := d.copyTo(path); err != nil {
			return errors.Join(fmt.Errorf("embedded: %s is not compacted and stays as it is: %w", d.path, err), removeAny(path))
		}
		return d.replaceBy(path)
	})
}

func (d *database) copyTo(path string) error {
	options := d.options
	options.InitialMmapSize = 0
	dst, err := bolt.Open(path, 0o600, &options)
	if err != nil {
		return err
	}
	dst.AllocSize = allocBytes
	return errors.Join(bolt.Compact(dst, d.bolt, compactBytes), dst.Sync(), dst.Close())
}

// replaceBy replaces the open file by another one.
func (d *database) replaceBy(path string) error {
	err := d.reopen(func() error { return errors.Join(os.Rename(path, d.path), syncDir(filepath.Dir(d.path))) })
	if err != nil && d.broken == nil {
		return fmt.Errorf("embedded: %s is not compacted: %w", d.path, err)
	}
	return err
}

func removeAny(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // where folders cannot be synchronised, renaming is durable
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
