package metricsstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// TestMakespan covers runs of the engine and imported ones, those of older programs included.
func TestMakespan(t *testing.T) {
	own := Header{Counts: Counts{MakespanNS: 8}}
	require.EqualValues(t, 8, own.MakespanNS())
	require.Nil(t, own.Info.Imported())

	imported := own
	imported.Info.Origin = &record.Origin{Makespan: 15}
	require.EqualValues(t, 15, imported.MakespanNS())
	imported.Info.Origin = &record.Origin{}
	require.EqualValues(t, 8, imported.MakespanNS(), "the schedule where no makespan is recorded")

	older := own
	older.Info = record.RunInfo{
		Reconstructed: "because", StartedAt: time.Unix(0, 0),
		Params: map[string]string{"schema": "1.5", "recorded_makespan": "1h2m3.5s"},
	}
	require.EqualValues(t, time.Hour+2*time.Minute+3500*time.Millisecond, older.MakespanNS())
	require.Equal(t, "WfFormat 1.5", older.Info.Imported().Format)
	require.True(t, older.Info.Imported().Undated)
}
