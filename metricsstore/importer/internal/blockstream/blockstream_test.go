package blockstream_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/importer/internal/blockstream"
)

// text is what the files in testdata contain: a block that cannot be compressed, and lines that can.
// They were made by lz4-java 1.8.0, snappy-java 1.1.8 and compress-lzf 1.0.4 with the block sizes of Spark, each as one
// stream and, with "-two" in the name, as two streams of half the text.
func text() []byte {
	var b bytes.Buffer
	for k := range 1024 {
		sum := sha256.Sum256(fmt.Append(nil, k))
		b.Write(sum[:])
	}
	for n := range 2000 {
		fmt.Fprintf(&b, "%d: a line that is much like the others\n", n%50)
	}
	return b.Bytes()
}

// packed are the files in testdata.
func packed(t testing.TB) map[string][]byte {
	names, err := filepath.Glob("testdata/*.*")
	require.NoError(t, err)
	require.Len(t, names, 6)
	files := map[string][]byte{}
	for _, name := range names {
		files[filepath.Base(name)], err = os.ReadFile(name)
		require.NoError(t, err)
	}
	return files
}

func unpack(content []byte) ([]byte, error) {
	kind, ok := blockstream.Recognise(content)
	if !ok {
		return nil, errors.New("not recognised")
	}
	return io.ReadAll(kind.NewReader(bytes.NewReader(content)))
}

func TestFilesOfJava(t *testing.T) {
	for name, content := range packed(t) {
		got, err := unpack(content)
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(text(), got), name)
	}
	for _, header := range []string{"LZ4Block\x15", "LZ4Block\x25"} { // of a block that is compressed, and of one that is not
		require.Contains(t, string(packed(t)["spark.lz4"]), header)
	}
}

// TestCutOff: what is left of a stream that was cut is a beginning of the text. Only the two kinds without an end mark can
// look whole, between two blocks.
func TestCutOff(t *testing.T) {
	for name, content := range packed(t) {
		kind, _ := blockstream.Recognise(content)
		for at := blockstream.MaxMagic; at < len(content); at += 499 {
			got, err := unpack(content[:at])
			require.True(t, bytes.HasPrefix(text(), got), name)
			if err == nil {
				require.NotEqual(t, "LZ4Block", kind.Name)
				continue
			}
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s at %d", name, at)
		}
	}
}

// TestDamaged: each byte of a block of LZ4 is under its checksum or decides how it is read.
func TestDamaged(t *testing.T) {
	content := packed(t)["spark.lz4"]
	for at := blockstream.MaxMagic; at < len(content); at += 211 {
		damaged := bytes.Clone(content)
		damaged[at] ^= 0x40
		_, err := unpack(damaged)
		require.Error(t, err, "byte %d", at)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			require.ErrorIs(t, err, blockstream.ErrCorrupt, "byte %d", at)
		}
	}
}

func TestClaimsOfSize(t *testing.T) {
	for name, content := range map[string]string{
		"more than the stream's largest": "LZ4Block\x25\x01\x00\x00\x00\x01\x80\x00\x00\x00\x00\x00\x00",
		"more than 2 GiB":                "LZ4Block\x2f\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
		"another method":                 "LZ4Block\x35\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00x",
		"a large block":                  "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01\x7f\xff\xff\xff",
		"a large text":                   "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x06\xff\xff\xff\xff\x0f\x00",
		"half a second header":           "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01\x82SNAKE00\x00\x00\x00\x01\x00\x00\x00\x01",
		"a reference before the text":    "ZV\x01\x00\x02\x00\x03\x20\x00",
		"more text than it says":         "ZV\x01\x00\x04\x00\x02\x00a\x20\x00",
		"less text than it says":         "ZV\x01\x00\x02\x00\x02\x00a",
		"half a reference":               "ZV\x01\x00\x01\x00\x03\xe0",
		"half a text":                    "ZV\x01\x00\x02\x00\x03\x03a",
		"another block":                  "ZV\x00\x00\x01aZW\x00\x00\x01a",
	} {
		_, err := unpack([]byte(content))
		require.ErrorIs(t, err, blockstream.ErrCorrupt, name)
		require.NotErrorIs(t, err, io.ErrUnexpectedEOF, name)
	}
}

func TestErrorsOfTheSource(t *testing.T) {
	broken := errors.New("broken")
	for name, content := range packed(t) {
		kind, _ := blockstream.Recognise(content)
		_, err := io.ReadAll(kind.NewReader(io.MultiReader(bytes.NewReader(content[:1000]), iotest.ErrReader(broken))))
		require.ErrorIs(t, err, broken, name)
	}
}

func FuzzRead(f *testing.F) {
	for _, content := range packed(f) {
		f.Add(content[:2000])
	}
	f.Add([]byte("ZV\x01\x00\x04\x00\x06\x00a\xe0\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		kind, ok := blockstream.Recognise(content)
		if !ok {
			return
		}
		got, err := io.ReadAll(io.LimitReader(kind.NewReader(bytes.NewReader(content)), 64<<20))
		again, errAgain := io.ReadAll(io.LimitReader(kind.NewReader(iotest.OneByteReader(bytes.NewReader(content))), 64<<20))
		require.Equal(t, err, errAgain)
		require.True(t, bytes.Equal(got, again))
	})
}
