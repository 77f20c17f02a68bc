package worker

import (
	"context"
	"log/slog"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// askEvery is how often Redis is asked whether it answers, and askWithin how long it may take to.
	askEvery  = time.Second
	askWithin = 2 * time.Second
	// silentAfter is how long it does not answer until that is told: a restart is over by then.
	silentAfter = 3 * time.Second
)

// Outage tells that Redis does not answer, and that it does again: whoever waits for something there would otherwise
// wait without a word.
type Outage struct {
	// Ask asks Redis for anything.
	Ask func(ctx context.Context) error
	// Began is called once Redis has not answered for three seconds, with how it failed, and Ended when it answers again.
	Began func(why error)
	Ended func(lasted time.Duration)
}

// LogOutage is an Outage that is told to a log.
func LogOutage(client goredis.UniversalClient, log *slog.Logger) Outage {
	return Outage{
		Ask: Ping(client),
		Began: func(why error) {
			log.Warn("Redis does not answer; it is asked again and again, and work goes on once it does", "error", why)
		},
		Ended: func(lasted time.Duration) {
			log.Info("Redis answers again", "after", lasted.Round(100*time.Millisecond))
		},
	}
}

// Ping is what an Outage asks.
func Ping(client goredis.UniversalClient) func(context.Context) error {
	return func(ctx context.Context) error { return client.Ping(ctx).Err() }
}

// Run asks until ctx ends.
func (o Outage) Run(ctx context.Context) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	var since time.Time // of the silence, zero for none
	told := false
	for {
		asked := time.Now()
		switch err := o.ask(ctx); {
		case ctx.Err() != nil:
			return nil
		case err == nil && told:
			o.Ended(time.Since(since))
			since, told = time.Time{}, false
		case err == nil:
			since = time.Time{}
		case since.IsZero():
			since = asked
		case !told && time.Since(since) >= silentAfter:
			o.Began(err)
			told = true
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
