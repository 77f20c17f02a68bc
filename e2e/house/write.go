package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// least is how many files a package has from which arrows back are listed.
const least = 10

const head = `# The house in figures

Written by ` + "`make house`" + `; every column is measured by the same program. Where a limit is given, a test in ` + "`e2e`" + ` holds the
tree to it.

`

const foot = `
What is counted:

- *Lines* are those of Go files with blank ones and comments. Kits are packages that others test with (` + "`…test`" + `,
  ` + "`internal/testkit`" + `), benches are ` + "`bench`" + ` and ` + "`cmd/app/bench`" + `, tools are what measures this page.
- *Names of package engine* are its exported types, functions, constants and variables, without fields and methods.
- *Dialect* is how often the turns of [words.txt](words.txt) occur, in comments of Go, TypeScript, Svelte, CSS, Lua,
  Python and shell, and in texts of three words and more outside tests. Of names, those that Go declares are counted.
- *Arrows* are ordered pairs of files of one package, of which the first names something that the second declares. Files
  are put in an order in which as few as a search finds run back to an earlier file. Packages of ` + "10" + ` files and fewer
  are in the sum and have no limit of their own.
- *Files that a claim passes* hold a function which the loop of a lane, the committer or the reaper reaches, within
  ` + "`engine/worker`, `engine/state/shared` and `engine/state/redis`" + `. Interfaces stand for all that implements them there, and
  rare paths count. Where a file was split the number grows. The entry functions are in ` + "`e2e/house/path.txt`" + `.
- *Widest types* are by own fields and methods together; what an embedded type brings does not count.
`

// write prints a column for each tree.
func write(w io.Writer, columns []column) error {
	var b strings.Builder
	b.WriteString(head)
	row(&b, "", columns, func(c column) string { return c.name })
	b.WriteString("|" + strings.Repeat(" --- |", len(columns)+1) + "\n")
	for _, purpose := range []string{"product", "kits", "benches", "tests", "tools"} {
		row(&b, "lines of Go, "+purpose, columns, func(c column) string { return number(c.lines[purpose]) })
	}
	row(&b, "names of package engine", columns, func(c column) string { return number(c.exported) })
	row(&b, "words of comments", columns, func(c column) string { return number(c.comments.Words) })
	row(&b, "dialect in 10,000 words of comments", columns, func(c column) string { return fmt.Sprintf("%.1f", c.comments.Rate()) })
	row(&b, "dialect in 10,000 words of texts", columns, func(c column) string { return fmt.Sprintf("%.1f", c.texts.Rate()) })
	row(&b, "names with such words", columns, func(c column) string { return number(len(c.names.Findings)) })
	row(&b, "types above 20 fields", columns, func(c column) string { return number(above(c, 20, 0)) })
	row(&b, "types above 30 methods", columns, func(c column) string { return number(above(c, 0, 30)) })
	row(&b, "packages of the product, and those above 20 files", columns, func(c column) string {
		large := 0
		for _, a := range c.arrows {
			if len(a.Order) > 20 {
				large++
			}
		}
		return fmt.Sprintf("%d, %d", len(c.arrows), large)
	})
	row(&b, "arrows between files, and those back", columns, func(c column) string {
		total, back := 0, 0
		for _, a := range c.arrows {
			total, back = total+a.Total, back+len(a.Back)
		}
		return fmt.Sprintf("%s, %s (%.0f %%)", number(total), number(back), 100*float64(back)/float64(max(total, 1)))
	})
	row(&b, "files that a claim on Redis passes, and scripts", columns, func(c column) string {
		return fmt.Sprintf("%d, %d", len(c.passed), c.scripts)
	})
	writeWidths(&b, columns)
	writeArrows(&b, columns)
	b.WriteString(foot)
	_, err := io.WriteString(w, b.String())
	return err
}

func row(b *strings.Builder, name string, columns []column, value func(column) string) {
	fmt.Fprintf(b, "| %s |", name)
	for _, c := range columns {
		fmt.Fprintf(b, " %s |", value(c))
	}
	b.WriteString("\n")
}

// number has commas between thousands.
func number(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", number(n/1000), n%1000)
}

func above(c column, fields, methods int) (n int) {
	for _, w := range c.widths {
		if fields > 0 && w.Fields > fields || methods > 0 && w.Methods > methods {
			n++
		}
	}
	return n
}

func writeWidths(b *strings.Builder, columns []column) {
	b.WriteString("\n## The ten widest types (fields, methods)\n\n")
	row(b, "", columns, func(c column) string { return c.name })
	b.WriteString("|" + strings.Repeat(" --- |", len(columns)+1) + "\n")
	for i := range 10 {
		row(b, fmt.Sprint(i+1), columns, func(c column) string {
			if i >= len(c.widths) {
				return ""
			}
			w := c.widths[i]
			return fmt.Sprintf("`%s.%s` %d, %d", w.Package, w.Name, w.Fields, w.Methods)
		})
	}
}

// writeArrows lists packages in which more than a tenth of the arrows ran back in any of the trees.
func writeArrows(b *strings.Builder, columns []column) {
	fmt.Fprintf(b, "\n## Packages of more than %d files with more than 10 %% of arrows back\n\n", least)
	row(b, "", columns, func(c column) string { return c.name })
	b.WriteString("|" + strings.Repeat(" --- |", len(columns)+1) + "\n")
	var paths []string
	for _, c := range columns {
		for _, a := range c.arrows {
			if len(a.Order) > least && a.Share() > 0.1 && !slices.Contains(paths, a.path) {
				paths = append(paths, a.path)
			}
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		row(b, "`"+path+"`", columns, func(c column) string {
			i := slices.IndexFunc(c.arrows, func(a arrows) bool { return a.path == path })
			if i < 0 {
				return "–"
			}
			a := c.arrows[i]
			return fmt.Sprintf("%d of %d (%.0f %%)", len(a.Back), a.Total, 100*a.Share())
		})
	}
}
