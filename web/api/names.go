package api

import (
	"hash/fnv"

	"github.com/dagscope/dagscope/engine/record"
)

// runName derives two words from an ID: the same words for the same ID, in every program. Different IDs may share them.
func runName(id record.RunID) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	sum := h.Sum64()
	sum ^= sum >> 32 // IDs differ mostly at their ends, which affect mainly the low bits of FNV
	return adjectives[sum%uint64(len(adjectives))] + "-" + nouns[sum/uint64(len(adjectives))%uint64(len(nouns))]
}

// The words are not stored; changing the lists renames runs.
var (
	adjectives = [...]string{
		"able", "agile", "airy", "alert", "amber", "ample", "apt", "azure", "balmy", "bold", "brave", "breezy", "brief", "bright",
		"brisk", "broad", "calm", "candid", "cheery", "civil", "clean", "clear", "clever", "cosmic", "cosy", "crisp", "curious",
		"daring", "deep", "deft", "dense", "dewy", "eager", "early", "earnest", "easy", "even", "fair", "fancy", "fast", "fine",
		"firm", "fleet", "fluent", "fond", "frank", "fresh", "frosty", "gentle", "glad", "golden", "grand", "green", "hardy",
		"hasty", "hearty", "honest", "humble", "icy", "ideal", "jolly", "keen", "kind", "large", "level", "light", "lively",
		"loyal", "lucid", "lucky", "lunar", "mellow", "merry", "mighty", "mild", "misty", "modest", "neat", "nimble", "noble",
		"patient", "plain", "polite", "prompt", "proud", "pure", "quick", "quiet", "rapid", "rare", "ready", "robust", "rosy",
		"round", "royal", "rustic", "sandy", "sharp", "shy", "silent", "silver", "simple", "sleek", "smart", "smooth", "snowy",
		"solar", "solid", "sound", "spry", "stable", "steady", "still", "stout", "sunny", "sure", "swift", "tall", "tame",
		"tender", "tidy", "tiny", "vast", "velvet", "vivid", "warm", "wary", "wise",
	}
	nouns = [...]string{
		"acorn", "alder", "anchor", "ant", "apple", "arrow", "ash", "badger", "barley", "basil", "bay", "beacon", "bear", "beaver",
		"bee", "birch", "bison", "bloom", "brook", "canyon", "cedar", "cherry", "clover", "comet", "coral", "crane", "creek",
		"cricket", "crow", "dale", "deer", "delta", "dew", "dove", "dune", "eagle", "elk", "elm", "ember", "falcon", "fern",
		"finch", "fjord", "flint", "fox", "gale", "garnet", "glade", "glen", "goose", "grove", "gull", "hare", "harbor", "hawk",
		"hazel", "heron", "hill", "holly", "ibex", "iris", "island", "ivy", "jay", "kelp", "kite", "lake", "lark", "laurel",
		"leaf", "lichen", "lily", "linden", "lotus", "lynx", "maple", "marsh", "marten", "meadow", "mesa", "mint", "mole",
		"moon", "moose", "moss", "moth", "newt", "oak", "olive", "opal", "orchid", "osprey", "otter", "owl", "pebble", "pine",
		"plover", "pond", "poplar", "quail", "quartz", "rain", "raven", "reed", "reef", "ridge", "river", "robin", "rose",
		"rowan", "sage", "seal", "shore", "sparrow", "spruce", "star", "stone", "stork", "swan", "thistle", "thrush", "tide",
		"trout", "tulip", "vale", "walnut", "willow", "wren",
	}
)
