package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOutage: a silence is reported once, and so is its end; a short one is not.
func TestOutage(t *testing.T) {
	refused := errors.New("connection refused")
	for _, c := range []struct {
		name     string
		silent   time.Duration // from 10 s on
		hangs    bool          // instead of an error at once
		reported []string
	}{
		{"a restart", 2500 * time.Millisecond, false, nil},
		{"refused", 7 * time.Second, false, []string{"13s began connection refused", "17s ended after 7s"}},
		{"hangs", 8 * time.Second, true, []string{"14s began context deadline exceeded", "18s ended after 8s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var reported []string
				say := func(text string) {
					reported = append(reported, time.Since(start).Truncate(time.Second).String()+" "+text)
				}
				o := Outage{
					Ask: func(ctx context.Context) error {
						at := time.Since(start)
						if at < 10*time.Second || at >= 10*time.Second+c.silent {
							return nil
						}
						if !c.hangs {
							return refused
						}
						<-ctx.Done()
						return ctx.Err()
					},
					Began: func(why error) { say("began " + why.Error()) },
					Ended: func(lasted time.Duration) { say("ended after " + lasted.Truncate(time.Second).String()) },
				}
				ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
				defer stop()
				require.NoError(t, o.Run(ctx))
				assert.Equal(t, 30*time.Second, time.Since(start), "it ends with its context")
				assert.Equal(t, c.reported, reported)
			})
		})
	}
}

func TestLogOutage(t *testing.T) {
	var log bytes.Buffer
	o := LogOutage(nil, slog.New(slog.NewTextHandler(&log, nil)))
	o.Began(errors.New("connection refused"))
	o.Ended(3 * time.Second)
	assert.Regexp(t, `level=WARN msg="Redis does not answer.*error="connection refused"\n.*level=INFO msg="Redis answers again" after=3s\n$`, log.String())
}
