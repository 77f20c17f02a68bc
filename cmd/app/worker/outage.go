package worker

import (
	"context"
	"log/slog"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// askEvery is how often Redis is pinged, and askWithin how long it may take to answer.
	askEvery  = time.Second
	askWithin = 2 * time.Second
	// silentAfter is how long Redis may be silent before that is reported: a restart is faster.
	silentAfter = 3 * time.Second
)

// Outage reports that Redis does not answer, and that it answers again: otherwise a process that waits for Redis would be
// silent.
type Outage struct {
	// Ask makes any call to Redis.
	Ask func(ctx context.Context) error
	// Began is called with the error after Redis has not answered for three seconds, and Ended when it answers again.
	Began func(why error)
	Ended func(lasted time.Duration)
}

// LogOutage is an Outage that writes to a log.
func LogOutage(client goredis.UniversalClient, log *slog.Logger) Outage {
	return Outage{
		Ask: Ping(client),
		Began: func(why error) {
			log.Warn("Redis does not answer; trying again, and work continues once it does", "error", why)
		},
		Ended: func(lasted time.Duration) {
			log.Info("Redis answers again", "after", lasted.Round(100*time.Millisecond))
		},
	}
}

// Ping returns a function for Outage.Ask.
func Ping(client goredis.UniversalClient) func(context.Context) error {
	return func(ctx context.Context) error { return client.Ping(ctx).Err() }
}

// Run pings until ctx ends.
func (o Outage) Run(ctx context.Context) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	var since time.Time // start of the silence, zero for none
	reported := false
	for {
		asked := time.Now()
		switch err := o.ask(ctx); {
		case ctx.Err() != nil:
			return nil
		case err == nil && reported:
			o.Ended(time.Since(since))
			since, reported = time.Time{}, false
		case err == nil:
			since = time.Time{}
		case since.IsZero():
			since = asked
		case !reported && time.Since(since) >= silentAfter:
			o.Began(err)
			reported = true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (o Outage) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return o.Ask(ctx)
}
