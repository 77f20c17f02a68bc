package api

import (
	"context"

	"github.com/dagscope/dagscope/metricsstore/whatif"
)

// whatIfInput is a question about a run.
type whatIfInput struct {
	OfRun
	Conditional
	Slots          int      `query:"slots" minimum:"0" maximum:"4096" doc:"Slots of each worker; 0, the default, for those that were recorded."`
	Workers        int      `query:"workers" minimum:"0" maximum:"1024" doc:"Workers, each with the slots of the widest one that was recorded or with slots; 0, the default, for those that were recorded."`
	Faster         []string `query:"faster,explode" maxItems:"64" doc:"A function and how many times as fast it is, such as blur=2; can be repeated."`
	Bandwidth      float64  `query:"bandwidth" minimum:"0" doc:"How many times as fast inputs are fetched and outputs stored; 0, the default, for 1."`
	WithoutRetries bool     `query:"without_retries" doc:"Only the last attempt of each task is made."`
	NoQueue        bool     `query:"no_queue" doc:"A task that is ready has a slot at once. Not with slots and workers."`
	NoBecome       bool     `query:"no_become" doc:"A slot does not continue with a task that its own task made ready. Only of runs of the engine."`
	Lanes          bool     `query:"lanes" doc:"The answer has every attempt as it was simulated."`
}

func (i *whatIfInput) question() (whatif.Question, error) {
	faster, err := whatif.ParseFaster(i.Faster)
	return whatif.Question{
		Slots: i.Slots, Workers: i.Workers, Faster: faster, Bandwidth: i.Bandwidth, WithoutRetries: i.WithoutRetries,
		NoQueue: i.NoQueue, NoBecome: i.NoBecome,
	}, err
}

func (h *insideHandlers) getWhatIf(ctx context.Context, in *whatIfInput) (*answer[*whatif.Answer], error) {
	q, err := in.question()
	if err != nil {
		return nil, err
	}
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, runTag(&run, "whatif", q, in.Lanes), func(ctx context.Context) (*whatif.Answer, error) {
		return whatif.Ask(ctx, h.queries, &run, q, whatif.Options{Lanes: in.Lanes})
	})
}
