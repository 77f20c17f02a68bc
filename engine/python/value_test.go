package python

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// TestValueInTheCodec sends values as the engine does: as inputs and outputs, and in lists of them.
func TestValueInTheCodec(t *testing.T) {
	large := Value{Codec: CBOR, Data: append([]byte{0x5a, 0, 1, 0, 0}, make([]byte, 1<<16)...)}
	one, list := codec.TypeOf[Value](), codec.TypeOf[[]Value]()
	require.NoError(t, one.Err())
	require.NoError(t, list.Err())
	for _, v := range []Value{encode(t, 7), large, {Codec: Array, Data: make([]byte, 8)}} {
		raw, err := one.Append(nil, v)
		require.NoError(t, err)
		back, err := one.Decode(raw)
		require.NoError(t, err)
		assertSame(t, v, back.(Value))
		assert.Equal(t, v.Size()+1, one.Size(v))
	}
	raw, err := list.Append(nil, []Value{large, encode(t, "x"), {}})
	require.NoError(t, err)
	back, err := list.Decode(raw)
	require.NoError(t, err)
	for i, v := range []Value{large, encode(t, "x"), encode(t, nil)} {
		assertSame(t, v, back.([]Value)[i])
	}
	raw, err = one.Append(nil, nil)
	require.NoError(t, err)
	none, err := one.Decode(raw)
	require.NoError(t, err)
	assertSame(t, encode(t, nil), none.(Value))
}

func assertSame(t *testing.T, want, got Value) {
	t.Helper()
	a, err := want.Bytes()
	require.NoError(t, err)
	b, err := got.Bytes()
	require.NoError(t, err)
	assert.Equal(t, want.codec(), got.codec())
	assert.True(t, bytes.Equal(a, b), "%d bytes, expected %d", len(b), len(a))
}

func TestValueRefuses(t *testing.T) {
	document := func(item, buffers uint32, rest ...uint64) []byte {
		b := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32([]byte{byte(Array)}, item), buffers)
		for _, n := range rest {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		return b
	}
	var v Value
	require.NoError(t, v.DecodeRaw(nil, document(0, 1, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
	for name, raw := range map[string][]byte{
		"nothing":                 {},
		"no item":                 {byte(CBOR)},
		"codec 0":                 {0, 1},
		"codec 4":                 {4, 1},
		"no lengths":              {byte(Array), 0, 0, 0},
		"an item that is missing": document(9, 0, 0),
		"buffers that are not":    document(0, 1<<32-1),
		"a huge buffer":           document(0, 1, 1<<64-1),
		"a huge second buffer":    document(0, 2, 0, 1<<64-64),
		"too much":                append(document(0, 0), 0),
	} {
		assert.Error(t, v.DecodeRaw(nil, raw), name)
	}
	assert.Error(t, v.DecodeRaw([]int{1}, []byte{byte(CBOR), 0}))
	_, err := Encode(make(chan int))
	assert.ErrorContains(t, err, "a chan int has no value of Python")
}

// TestSharedValues passes a large array through three functions. That it is not copied on the way shows in the memory that
// the last one has of its own.
func TestSharedValues(t *testing.T) {
	pythontest.FindNumpy(t)
	p := newPool(t, nil)
	const size = 64 << 20
	v, _, err := p.try(t, "ones", size/8)
	require.NoError(t, err)
	require.NotNil(t, v.shared)
	assert.Greater(t, v.Size(), int64(size))
	sum, _, err := p.try(t, "sum_in_place", v)
	require.NoError(t, err)
	assert.Equal(t, encode(t, []any{float64(size / 8), true, true, 0}), sum, "sum, aligned, writable, eighths of MiB of its own")
	again, _, err := p.try(t, "change", v)
	require.NoError(t, err)
	assert.Equal(t, encode(t, -1.0), again)
	sum, _, err = p.try(t, "sum_in_place", v)
	require.NoError(t, err)
	assert.Equal(t, encode(t, []any{float64(size / 8), true, true, 0}), sum, "what another function has changed is its own")
	// As if it came from a store, next to others that are small.
	raw, err := v.MarshalBinary()
	require.NoError(t, err)
	heap := Value{Codec: Array, Data: raw[1:]}
	sum, _, err = p.try(t, "sum_in_place", heap)
	require.NoError(t, err)
	assert.Equal(t, encode(t, []any{float64(size / 8), true, true, 0}), sum)
}

// TestSegmentsAreReturned makes more large values than may be open, and drops them.
func TestSegmentsAreReturned(t *testing.T) {
	data := append([]byte{0x5a, 0, 1, 0, 0}, make([]byte, 1<<16)...)
	var kept []Value
	for i := range maxSegments + 50 {
		v := keep(CBOR, data)
		if i < maxSegments+20 {
			kept = append(kept, v)
		}
	}
	assert.NotNil(t, kept[0].shared)
	assert.LessOrEqual(t, openSegments.Load(), int64(maxSegments))
	assertSame(t, kept[0], kept[len(kept)-1])
	runtime.KeepAlive(kept)
	kept = nil
	waitFor(t, func() bool { runtime.GC(); return openSegments.Load() == 0 })
}

// TestSegmentsAreCollected drops large values without a word to the garbage collector, for which they are small.
func TestSegmentsAreCollected(t *testing.T) {
	waitFor(t, func() bool { runtime.GC(); return openSegments.Load() == 0 })
	freshSegments.Store(0)
	for range collectSegments + 1 {
		_, err := newSegment([]byte{0})
		require.NoError(t, err)
	}
	waitFor(t, func() bool { return openSegments.Load() <= 2 })
}

func TestUnsealed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has seals")
	}
	file, err := createMemory()
	require.NoError(t, err)
	_, err = adopt(file)
	require.ErrorContains(t, err, "the seals 0x0, expected 0xf")
	_, err = file.Stat()
	require.ErrorIs(t, err, os.ErrClosed)
}

// TestPayload puts values into a payload and takes them out again, without interpreters.
func TestPayload(t *testing.T) {
	large := keep(CBOR, append([]byte{0x5a, 0, 1, 0, 0}, make([]byte, 1<<16)...))
	heap := Value{Codec: CBOR, Data: append([]byte{0x5a, 0, 1, 0, 0}, make([]byte, 1<<16)...)}
	document := Value{Codec: Array, Data: make([]byte, 8)}
	for name, values := range map[string][]Value{
		"none":             {},
		"small":            {encode(t, 1), document, encode(t, "x"), document},
		"large":            {encode(t, 1), large, document, large},
		"large, own piece": {document, heap, document, large},
		"many large":       slices.Repeat([]Value{large}, maxPassed+7),
	} {
		var p payload
		require.NoError(t, p.pack(values, document), name)
		files := make([]*os.File, len(p.segments))
		for i, s := range p.segments {
			files[i] = again(t, s.file)
		}
		data := []byte(nil)
		if p.isInline() {
			data = p.appendTo(nil)
		} else {
			var err error
			data, err = readFile(files[len(files)-1], p.size)
			require.NoError(t, err)
			files = files[:len(files)-1]
		}
		assert.Len(t, data, int(p.size))
		got, err := unpack(data, len(values)+1, files)
		require.NoError(t, err, name)
		for i, want := range append(values, document) {
			assertSame(t, want, got[i])
		}
		p.reset()
		assert.Zero(t, p.size)
	}
}

// again opens the file of a segment a second time, as another process would have it.
func again(t *testing.T, file *os.File) *os.File {
	t.Helper()
	whole, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<30))
	require.NoError(t, err)
	s, err := newSegment(whole)
	require.NoError(t, err)
	return s.file
}

func TestUnpackRefuses(t *testing.T) {
	entry := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	cbor := uint64(CBOR) << entryCodec
	for name, c := range map[string]struct {
		data  []byte
		count int
		files int
	}{
		"too few entries":    {entry(cbor), 2, 0},
		"too little data":    {entry(cbor | 1), 1, 0},
		"too much data":      {append(entry(cbor|1), 0, 0), 1, 0},
		"a huge size":        {append(entry(cbor|entrySize), 0), 1, 0},
		"a codec of none":    {append(entry(9<<entryCodec|1), 0), 1, 0},
		"a missing file":     {entry(cbor | entryApart | 1), 1, 0},
		"a file too many":    {append(entry(cbor|1), 0), 1, 1},
		"another size":       {entry(cbor | entryApart | 2), 1, 1},
		"a codec of a file":  {entry(entryApart | 1), 1, 1},
		"a bad document":     {append(entry(uint64(Array)<<entryCodec|1), 0), 1, 0},
		"without an element": {entry(cbor), 1, 0},
	} {
		var files []*os.File
		for range c.files {
			s, err := newSegment([]byte{0})
			require.NoError(t, err)
			files = append(files, s.file)
		}
		_, err := unpack(c.data, c.count, files)
		assert.Error(t, err, name)
		for _, f := range files {
			_, err := f.Stat()
			assert.ErrorIs(t, err, os.ErrClosed, name)
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add(append([]byte{returnedReply}, make([]byte, replyHead)...))
	good := make([]byte, replyHead)
	good[0] = returnedReply
	good[1+64] = 1 // value
	good[1+64+8] = 9
	f.Add(append(good, 1, 0, 0, 0, 0, 0, 0, byte(CBOR), 0xf6))
	f.Fuzz(func(t *testing.T, rest []byte) {
		r, err := parseReply(rest)
		if err != nil {
			return
		}
		values, err := unpack(r.payload, r.values, nil)
		if err != nil {
			return
		}
		var p payload
		if len(values) == 0 {
			return
		}
		last := len(values) - 1
		require.NoError(t, p.pack(values[:last], values[last]))
		again, err := unpack(p.appendTo(nil), len(values), nil)
		require.NoError(t, err)
		assert.Equal(t, values, again)
		_ = failure(&Call{}, values)
	})
}

func FuzzDecodeRaw(f *testing.F) {
	f.Add([]byte{byte(CBOR), 0xf6})
	f.Add(append([]byte{byte(Array)}, make([]byte, 8)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v Value
		if v.DecodeRaw(nil, raw) != nil {
			return
		}
		again, err := v.AppendRaw(nil)
		require.NoError(t, err)
		assert.Equal(t, raw, again)
	})
}

// TestUnpackOnce unpacks a package by content, which stays, and notices another one.
func TestUnpackOnce(t *testing.T) {
	folder, from := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(from, "a.py"), []byte("1"), 0o600))
	first, remove, err := unpackPackage(os.DirFS(from), folder)
	require.NoError(t, err)
	remove()
	second, _, err := unpackPackage(os.DirFS(from), folder)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	text, err := os.ReadFile(filepath.Join(first, "a.py"))
	require.NoError(t, err)
	assert.Equal(t, "1", string(text))
	require.NoError(t, os.WriteFile(filepath.Join(from, "a.py"), []byte("2"), 0o600))
	third, _, err := unpackPackage(os.DirFS(from), folder)
	require.NoError(t, err)
	assert.NotEqual(t, first, third)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "no drafts are left")
}
