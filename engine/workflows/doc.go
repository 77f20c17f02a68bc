// Package workflows is the gallery: small and large workflows with real computations in them, each a typed graph
// made with the public API of engine. They serve as examples, as load, and as proof that an execution is right,
// because their numbers of tasks, their roots and their results are known.
//
// Every workflow says what its parameters mean and what they may be; its defaults make a run of about a second on
// two cores. Names and parameters are stable. All inputs are files that the submitter read or follow from a seed, so
// that a run gives the same result wherever its tasks run. Bodies never modify their inputs and stop soon after
// their context is done. What can be known of a bad input at submission is refused then.
//
// Matrices from a seed are made block by block inside the tasks that use them; a block used p times is made p times,
// which costs a few percent of the products it goes into and saves sending it.
//
// Caveats: the names of functions are unique in the gallery, so an engine that runs it cannot list other functions
// of these names; results such as the U of svd-tall are as large as the input; a default input costs one run of
// "go env" to find Go's own test data.
package workflows

import "github.com/dagscope/dagscope/engine"

// All returns the workflows in the order in which they are best shown. The slice is the caller's; the workflows must
// not be modified.
func All() []*engine.Workflow {
	samples := newSamples()
	return []*engine.Workflow{
		treeReduction(),
		gemm(),
		gemmBlocked(),
		wordcount(samples),
		imageTransform(samples),
		imageFilters(samples),
		svdTall(),
		svdRandomised(),
		montage(samples),
		textAnalysis(samples),
		fanOutFanIn(),
		chain(),
		diamondSkip(),
		lateRoot(),
		fixedTimes(),
		wide(),
		predict(),
		flaky(),
	}
}
