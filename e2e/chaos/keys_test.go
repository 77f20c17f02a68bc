//go:build unix

package chaos_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Classes of keys that may remain of a run that has succeeded, until it is deleted or expires. One that has not keeps what a
// retry needs.
var mayRemain = []string{"graph", "log", "details", "run", "state", "once"}

// discard deletes every other run that went well as soon as it has been judged, while workers may not know yet that it is
// over; the rest is deleted when all has ended.
func (w *world) discard(ctx context.Context, tr *trial) {
	if len(tr.breaches) > 0 {
		return
	}
	w.ended = append(w.ended, tr)
	if len(w.ended)%2 == 0 {
		w.delete(ctx, tr)
	}
}

func (w *world) delete(ctx context.Context, tr *trial) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := w.backend.Delete(ctx, tr.id()); err != nil {
		w.leak("run %s cannot be deleted: %v", tr.id(), err)
	}
	tr.deleted = true
}

// sweep checks every key that is left when all processes have ended: first with half of the runs deleted, then with all
// of them.
func (w *world) sweep(ctx context.Context) {
	kept := map[record.RunID]*trial{}
	for _, tr := range w.ended {
		if !tr.deleted {
			kept[tr.id()] = tr
		}
	}
	for _, tr := range w.ended {
		if !w.backend.isCleaned(ctx, tr.id()) {
			w.tally.uncleaned++
		}
	}
	w.look(ctx, kept)
	for _, tr := range kept {
		w.delete(ctx, tr)
	}
	w.look(ctx, nil)
}

// look reports keys that should not be there.
func (w *world) look(ctx context.Context, kept map[record.RunID]*trial) {
	broken := map[string]bool{} // runs that are left as they are, to be examined
	for id := range w.broken {
		broken[string(id)] = true
	}
	keys := w.backend.conn.Client.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		key := keys.Val()
		tag, class, _ := strings.Cut(strings.TrimPrefix(key, "dagscope:{"), "}:")
		tr := kept[record.RunID(tag)]
		switch {
		case strings.HasPrefix(key, "chaos:"), tag == "wake", broken[tag]:
		case tag == "runs":
			w.indexed(ctx, key, class, kept, broken)
		case tr == nil && isTransient(class) && w.goesSoon(ctx, key):
			w.tally.halves++
		case tr == nil:
			w.leak("%s is left of a run that was deleted", key)
		case tr.status == record.Succeeded && !slices.Contains(mayRemain, class) && !isTransient(class) && w.backend.isCleaned(ctx, record.RunID(tag)):
			w.leak("%s is left of a run that has ended and was cleaned", key)
		default:
			w.expires(ctx, key)
		}
	}
	if err := keys.Err(); err != nil {
		w.leak("keys cannot be listed: %v", err)
	}
}

// isTransient reports whether keys of that class are written before what makes them part of a run: outputs, ledgers, copies
// of ledgers. Where their writer is killed in between, they belong to no run.
func isTransient(class string) bool {
	return strings.HasPrefix(class, "out:") || strings.HasPrefix(class, "new:") || strings.HasPrefix(class, "copy:")
}

// goesSoon reports whether a key expires within an hour. What belongs to a run stays as long as that, which is longer.
func (w *world) goesSoon(ctx context.Context, key string) bool {
	left, err := w.backend.conn.Client.PTTL(ctx, key).Result()
	return err == nil && left > 0 && left <= time.Hour
}

// expires: what stays of an ended run goes some day.
func (w *world) expires(ctx context.Context, key string) {
	if left, err := w.backend.conn.Client.PTTL(ctx, key).Result(); err != nil || left <= 0 {
		w.leak("%s never expires (%v, %v)", key, left, err)
	}
}

// indexed: the indexes name the runs that there are.
func (w *world) indexed(ctx context.Context, key, class string, kept map[record.RunID]*trial, broken map[string]bool) {
	members, err := w.backend.conn.Client.ZRange(ctx, key, 0, -1).Result()
	if err != nil {
		w.leak("%s cannot be read: %v", key, err)
	}
	for _, id := range members {
		tr := kept[record.RunID(id)]
		isCut := class == "active" && tr != nil && !w.backend.isCleaned(ctx, tr.id()) // the process that finds it will finish it
		if !broken[id] && !isCut && (class != "ended" || tr == nil) {
			w.leak("%s names run %s", key, id)
		}
	}
}

func (w *world) leak(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	w.tally.breached([]breach{{leaked, what}})
	w.say("BREACH %s: %s", leaked, what)
	w.t.Errorf("%s: %s", leaked, what)
}
