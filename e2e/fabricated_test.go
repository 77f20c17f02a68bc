package e2e

import (
	"fmt"
	"strings"
)

// fabricate is a pair of trees: bad breaks rule and no other, good breaks none.
type fabricate struct {
	rule, name string
	bad, good  map[string]string
}

// fabricated has a case for each rule, and one more for each hole that a rule could have.
func fabricated() []fabricate {
	return append(append(fabricatedArrows(), fabricatedReads()...), fabricatedShapes()...)
}

func fabricatedArrows() []fabricate {
	f := func(rule, name, at, bad, good string) fabricate {
		return fabricate{rule, name, importing(at, bad), importing(at, good)}
	}
	const ours = "github.com/dagscope/dagscope/"
	return []fabricate{
		f("arrows", "the engine looks up", "engine/worker/a.go", ours+"metricsstore", ours+"engine"),
		f("arrows", "the engine digests", "engine/a.go", ours+"digest", "time"),
		f("arrows", "a digest knows runs", "digest/a.go", ours+"engine", ours+"digest/internal/bits"),
		f("arrows", "metrics know pages", "metricsstore/a.go", ours+"web", ours+"digest"),
		f("arrows", "pages know commands", "web/a.go", ours+"cmd/app", ours+"metricsstore"),
		f("arrows", "assets know pages", "static/a.go", ours+"web", "embed"),
		f("arrows", "the lean worker links the web", "cmd/app/worker/a.go", ours+"web", ours+"engine/worker"),
		f("arrows", "the lean worker links all commands", "cmd/app/worker/a.go", ours+"cmd/app", ours+"engine/state/redis"),
		f("arrows", "a main wires", "cmd/dagscope/a.go", ours+"engine/state/memory", ours+"cmd/app"),
		f("arrows", "the module's root is ours too", "engine/a.go", strings.TrimSuffix(ours, "/"), ours+"engine/internal/queue"),
		f("arrows", "a longer name is not below", "engine/a.go", ours+"enginex", ours+"engine/internal/queue"),
		{
			"arrows", "a folder that no row names",
			importing("reports/a.go", "time"), importing("web/reports/a.go", "time"),
		},
		f("back ends", "metrics pick", "metricsstore/archive/a.go", ours+"metricsstore/embedded", ours+"metricsstore"),
		f("back ends", "the worker picks", "engine/worker/a.go", ours+"engine/state/memory", ours+"engine/state"),
		f("back ends", "one rests on another", "metricsstore/redis/a.go", ours+"metricsstore/memory", ours+"metricsstore/redis/internal/keys"),
		{
			"back ends", "tests pick freely",
			importing("web/a.go", ours+"metricsstore/memory"), importing("web/a_test.go", ours+"metricsstore/memory"),
		},
		{
			"back ends", "test kits pick freely",
			importing("metricsstore/suite/a.go", ours+"metricsstore/memory"),
			importing("internal/testkit/suite/a.go", ours+"metricsstore/memory"),
		},
		f("test kits", "production imports one", "cmd/app/a.go", ours+"internal/testkit/metricsstoretest", ours+"metricsstore"),
		{
			"test kits", "one lies among production",
			importing("engine/enginetest/a.go", ours+"engine"), importing("internal/testkit/enginetest/a.go", ours+"engine"),
		},
		f("children on top", "the engine imports a child", "engine/a.go", ours+"engine/plan", ours+"engine/internal/queue"),
		f("children on top", "the engine builds on a child that is no foundation", "engine/a.go", ours+"engine/worker", ours+"engine/dag"),
		f("children on top", "the state imports a grandchild", "engine/state/a.go", ours+"engine/state/log/block", ours+"engine/plan"),
		f("standard library only", "a digest with a helper", "digest/a.go", "gonum.org/v1/gonum/stat", "math/bits"),
		f("standard library only", "a digest with C", "digest/a.go", "C", "math"),
	}
}

func fabricatedReads() []fabricate {
	const rule = "flags and environment"
	reads := func(statement string) map[string]string {
		return map[string]string{"engine/a.go": commented("engine", 3) + statement}
	}
	return []fabricate{
		{rule, "flag", importing("web/a.go", "flag"), importing("cmd/app/a.go", "flag")},
		{rule, "kong", importing("web/a.go", "github.com/alecthomas/kong"), importing("web/a_test.go", "flag")},
		{
			rule, "Getenv",
			reads("import \"os\"\nvar x = os.Getenv(\"X\")\n"), reads("import \"os\"\nvar x = os.Getpid()\n"),
		},
		{
			rule, "under another name",
			reads("import env \"os\"\nvar f = env.LookupEnv\n"), reads("import env \"example.org/os\"\nvar f = env.LookupEnv\n"),
		},
		{
			rule, "without any name",
			reads("import . \"os\"\nvar x = Getenv(\"X\")\n"), reads("import . \"math\"\nvar x = Pi\n"),
		},
		{
			rule, "a variable of that name",
			reads("import \"os\"\nfunc f() { g(os.Args) }\n"), reads("func f(os struct{ Args int }) { g(os.Args) }\n"),
		},
		{
			rule, "mains may",
			importing("e2e/probe/a.go", "flag"),
			map[string]string{"e2e/probe/a.go": commented("main", 1) + "import \"flag\"\n"},
		},
	}
}

func fabricatedShapes() []fabricate {
	one := func(name, source string) map[string]string { return map[string]string{name: source} }
	body := func(lines int) string {
		return "func f() {\n" + strings.Repeat("\tg()\n", lines-2) + "}\n"
	}
	head := commented("web", 3)
	fill := func(lines int) string { return strings.Repeat("\n", lines-strings.Count(head, "\n")) }
	return []fabricate{
		{"package names", "the folder", one("web/util/a.go", commented("page", 3)), one("web/page/a.go", commented("page", 3))},
		{"package names", "the package", one("web/page/a.go", commented("types", 3)), one("web/page/a.go", commented("utility", 3))},
		{"package comments", "two sentences", one("web/a.go", commented("web", 2)), one("web/a.go", commented("web", 3))},
		{"package comments", "none in main", one("cmd/dagscope/a.go", commented("main", 0)), one("cmd/dagscope/a.go", commented("main", 1))},
		{
			"package comments", "abbreviations end no sentence",
			one("web/a.go", "// Package web, e.g. this, i.e. that. It is.\npackage web\n"),
			one("web/a.go", "// Package web is (so). Is it? It is p99.\npackage web\n"),
		},
		{"file length", "a line too many", one("web/a.go", head+fill(601)), one("web/a.go", head+fill(600))},
		{
			"file length", "tests too, but not what a program wrote",
			one("web/a_test.go", head+fill(601)), one("web/a.go", "// Code generated by x. DO NOT EDIT.\n\n"+head+fill(601)),
		},
		{"function length", "a line too many", one("web/a.go", head+body(81)), one("web/a.go", head+body(80))},
		{
			"function length", "a reason is asked for",
			one("web/a.go", head+"// f is Long:\n"+body(81)),
			one("web/a.go", head+"// f runs.\n//\n// Long: a table read from top to bottom.\n"+body(81)),
		},
		{
			"function length", "the reason stands directly above",
			one("web/a.go", head+"// Long: a table.\n\n"+body(81)), one("web/a.go", head+"// Long: a table.\n"+body(81)),
		},
	}
}

// importing is one file that keeps every rule but for what it imports.
func importing(name, imported string) map[string]string {
	return map[string]string{name: commented("fabricated", 3) + fmt.Sprintf("import _ %q\n", imported)}
}

// commented begins a file whose package comment has that many sentences.
func commented(name string, sentences int) string {
	if sentences == 0 {
		return "package " + name + "\n"
	}
	return "// Package " + name + strings.Repeat(" is one.", sentences) + "\npackage " + name + "\n"
}
