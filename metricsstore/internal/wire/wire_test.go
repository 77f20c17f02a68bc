package wire

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain is an owner whose store needs no repair and that other processes write no logs for.
type plain struct{ metricsstore.Store }

func (plain) Repair(context.Context) (metricsstore.Repaired, error) {
	return metricsstore.Repaired{Lost: []string{"nothing"}}, nil
}

func (plain) Adopt(_ context.Context, run record.RunID, offset int64) error {
	return map[bool]error{true: metricsstore.ErrExists}[run == "r" && offset == 7]
}

// reached makes a client of a store and ends both with the test.
func reached(t testing.TB, store metricsstore.Store) *Client {
	t.Helper()
	c, err := NewCoding()
	require.NoError(t, err)
	server, err := Serve(plain{store}, c, "key", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(server.Close)
	client, err := Dial(t.Context(), server.Address(), "key", c, metricsstore.NewChanges())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// TestOwnersCalls covers what metricsstore.Store does not have; the suite of package embedded runs over a client as well.
func TestOwnersCalls(t *testing.T) {
	client := reached(t, memory.New())
	done, err := client.Repair(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"nothing"}, done.Lost)
	require.ErrorIs(t, client.Adopt(t.Context(), "r", 7), metricsstore.ErrExists)
	require.NoError(t, client.Adopt(t.Context(), "r", 8))
	require.ErrorIs(t, client.do(t.Context(), "nothing", &Request{}), metricsstore.ErrInvalid)
}

// TestErrorsTravel: errors keep their meaning and their text.
func TestErrorsTravel(t *testing.T) {
	for code, sentinel := range coded() {
		var r Response
		r.fail(errors.Join(errors.New("why"), sentinel))
		assert.Equal(t, code, r.Code)
		require.ErrorIs(t, r.failure(), sentinel)
		assert.ErrorContains(t, r.failure(), "why")
	}
	var r Response
	require.NoError(t, r.failure())
	r.fail(metricsstore.ErrClosed)
	require.ErrorIs(t, r.failure(), ErrGone, "another owner may answer")
	r.fail(io.ErrShortWrite)
	require.EqualError(t, r.failure(), io.ErrShortWrite.Error())
}
