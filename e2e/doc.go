// Package e2e looks at dagscope from outside: at the tree of its sources and, through the
// built program, at what a user meets.
//
// Its tests guard what no package can guard of itself: the arrows between packages, the
// size and shape of files, the README's layout, and what a commit must not carry. Each
// guard takes data, and a second test feeds it offending data, so that a guard which
// notices nothing is noticed.
//
// It costs one go list and the parsing of every Go file, and for the program one build with -race
// and about a minute, most of it waiting.
//
// Caveats: sources are read as they lie in the folder, committed or not, and whatever
// their build tags say; modules nested below the root (bench, tools) are not read.
package e2e
