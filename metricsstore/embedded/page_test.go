package embedded

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
)

// TestPageThatIsJustFull: bbolt 1.5 gives content that fills its last page to the last byte no page more, older ones do.
func TestPageThatIsJustFull(t *testing.T) {
	for _, size := range []int{4095, 4096, 4097, 8191, 8192, 8193} {
		path := filepath.Join(t.TempDir(), dataFile)
		db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: 4096})
		require.NoError(t, err)
		var root uint64
		require.NoError(t, db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("b"))
			if err != nil {
				return err
			}
			const heads, key = 16 + 16, 1 // of the page and of its one element
			return b.Put([]byte("k"), make([]byte, size-heads-key))
		}))
		require.NoError(t, db.View(func(tx *bolt.Tx) error {
			root = uint64(tx.Bucket([]byte("b")).Root())
			return nil
		}))
		require.NoError(t, db.Close())
		f, file, err := openPages(path)
		require.NoError(t, err)
		_, _, err = f.findRoot() // contains the size of pages
		require.NoError(t, err)
		p, err := f.page(root, func([]byte) bool { return true })
		require.NoError(t, err)
		require.NoError(t, p.damage, "content of %d bytes", size)
		require.EqualValues(t, (size+4095)/4096, p.span, "content of %d bytes", size)
		require.NoError(t, file.Close())
	}
}
