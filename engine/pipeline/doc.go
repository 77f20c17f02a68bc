// Package pipeline reads pipelines of commands and Python functions from YAML files, and makes workflows of them.
//
//	name: words
//	params:
//	  file: {type: file, help: a text}
//	steps:
//	  split:
//	    run: [tr, -cs, "[:alpha:]", "\n"]
//	    stdin: ${{ params.file }}
//	    output: lines
//	  measure:
//	    foreach: ${{ steps.split.out }}
//	    run: printf %s "${{ item }}" | wc -c
//	    output: json
//	  longest:
//	    python: words:longest
//	    with: {lengths: "${{ steps.measure.out }}"}
//
// A step runs once its needs are met: those that it names, and the steps whose outputs it mentions. foreach runs it for
// each element of a list that is known only when the run is under way; its results are a list in the order of the
// elements. schema.json describes the file to editors; Schema returns it.
//
// It guarantees that a Pipeline that Parse returns has no unknown names, no cycles and no wrong types: mistakes are
// reported together, each with its line and column and what was expected. Values never become part of a script: it reads
// them from variables.
//
// Caveats: the files that a pipeline names are read when a run is submitted, from its folder. Parse reads nothing but its
// arguments.
package pipeline
