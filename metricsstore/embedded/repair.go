package embedded

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

// Repair implements metricsstore.Repairer: where Check finds damage, what can be read is written into a new file, and
// the damaged file is kept next to it. Writes wait for it, and it needs as much free space as the new file will take.
func (h *owner) Repair(ctx context.Context) (out metricsstore.Repaired, err error) {
	var done *rescue
	err = h.exclusive(ctx, func() error {
		if before := h.rescued; before != nil {
			h.rescued = nil
			out.Add(before.repaired())
		}
		if h.check() == nil {
			return nil
		}
		var err error
		if done, err = h.rewriteOpen(true); err == nil {
			out.Add(done.repaired())
		}
		return err
	})
	if err != nil || done == nil {
		return out, err
	}
	for _, run := range done.again {
		if _, err := h.archive.Rebuild(ctx, run); err != nil {
			out.Lost = append(out.Lost, fmt.Sprintf("run %s cannot be summed up anew: %s", run, err))
		}
	}
	h.changes.NotifyAll()
	return out, nil
}

func (r *rescue) repaired() metricsstore.Repaired {
	out := metricsstore.Repaired{Aside: []string{r.aside}, Lost: r.notes}
	for _, err := range r.faults {
		out.Damage = append(out.Damage, err.Error())
	}
	return out
}

// Repair implements metricsstore.Repairer.
func (s *Store) Repair(ctx context.Context) (metricsstore.Repaired, error) {
	return ask(ctx, s, func(b wire.Owner) (metricsstore.Repaired, error) { return b.Repair(ctx) })
}
