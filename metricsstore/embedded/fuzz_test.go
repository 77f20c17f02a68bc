package embedded

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

func TestValueRoundTrip(t *testing.T) {
	c, err := newCodec()
	require.NoError(t, err)
	defer c.close()
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data"), rapid.IntRange(1, 4).Draw(t, "times"))
		at := locationOf("r", []byte("k"))
		value := c.pack(at, data)
		assert.LessOrEqual(t, len(value), 1+len(data)+sealLen)
		n, err := dataLen(value)
		require.NoError(t, err)
		assert.Equal(t, len(data), n)
		back, err := c.unpack(at, value)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(data, back))
	})
	assert.Less(t, len(c.pack(0, make([]byte, 10_000))), 100, "what can be compressed is")
}

func FuzzValue(f *testing.F) {
	c, err := newCodec()
	require.NoError(f, err)
	f.Cleanup(c.close)
	f.Add(c.pack(0, []byte("short")))
	f.Add(c.pack(0, make([]byte, 5000)))
	f.Add([]byte{zstdValue, 0xff, 0xff, 0xff, 0x3f, 0x28})
	f.Fuzz(func(t *testing.T, value []byte) {
		data, err := c.unpack(0, value)
		if err != nil {
			require.ErrorIs(t, err, metricsstore.ErrCorrupt)
			return
		}
		n, err := dataLen(value)
		require.NoError(t, err)
		require.Len(t, data, n)
		_, _ = c.unpackBlock("r", blockKey(7), value)
		_, _ = c.unpackWorker("r", workerKey(1, 2), value)
		_, _ = decodeTotals("r", value)
	})
}

// FuzzLog reads a log record by record: whatever the bytes, it ends, and a record is as long as it claims.
func FuzzLog(f *testing.F) {
	c, err := wire.NewCoding()
	require.NoError(f, err)
	payload, err := c.Encode(wire.AppendRequest("r", &metricsstore.Batch{Blocks: []metricsstore.Block{{First: 1, Last: 2, Data: []byte("x")}}}))
	require.NoError(f, err)
	f.Add(appendFrame(appendFrame(nil, appendRecord, payload), endRecord, nil))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, data []byte) {
		size := int64(len(data))
		for offset := int64(0); ; {
			kind, payload, next, ok, err := readFrame(bytes.NewReader(data), offset, size)
			require.NoError(t, err)
			if !ok {
				return
			}
			require.Equal(t, data[offset:next], appendFrame(nil, kind, payload))
			offset = next
		}
	})
}

// FuzzRequest prepares what a record does, whatever its bytes.
func FuzzRequest(f *testing.F) {
	c, err := wire.NewCoding()
	require.NoError(f, err)
	z, err := newCodec()
	require.NoError(f, err)
	f.Cleanup(z.close)
	d := &database{codec: z}
	h := header("r", began())
	begin, err := wire.BeginRequest(&h, []byte("shape"))
	require.NoError(f, err)
	archive, err := wire.ArchiveRequest("r", &metricsstore.Archive{Owner: "x", Header: h})
	require.NoError(f, err)
	for kind, q := range map[recordKind]*wire.Request{
		beginRecord: begin, archiveRecord: archive, acquireRecord: wire.AcquireRequest("r", metricsstore.Lease{Owner: "x"}, began()),
	} {
		data, err := c.Encode(q)
		require.NoError(f, err)
		f.Add(byte(kind), data)
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		q, err := c.Request(data)
		if err != nil {
			require.ErrorIs(t, err, metricsstore.ErrCorrupt)
			return
		}
		if _, err := d.replay(recordKind(kind), q); err != nil && !backend.Refused(err) {
			require.ErrorIs(t, err, metricsstore.ErrCorrupt)
		}
	})
}
