//go:build race

package workflows

// raceEnabled leaves the large cases out where the race detector makes them ten times slower.
const raceEnabled = true
