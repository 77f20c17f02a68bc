// Package remake reads profiles that remake, the make with a debugger, writes with --profile in the format of callgrind.
// It was made with a profile of remake 4.3.
//
// Recorded are the targets that were made, which targets each of them needed, and how long its recipe ran, in
// microseconds. Dependencies are the calls of a profile. When a recipe ran is not recorded: the wall time of a target is
// that since make first considered it, with prerequisites and, under -j, with waiting for a slot. So attempts have a
// runtime and no moments, on as many cores as the command says slots.
//
// Costs: one pass; targets and calls are held in memory.
//
// Caveats: a target that was already being made for another one may be missing among what a target needed, so the run may
// look more parallel than the build was. Whether a recipe failed is not recorded. A profile has no mark for its end; only
// if it ends within a line or before the times of a target is the run Incomplete.
package remake
