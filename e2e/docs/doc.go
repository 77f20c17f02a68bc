// Package docs holds the Markdown pages of the repository to the truth. Links between files and to headings resolve,
// the README stays short, NOTICE names every module that a program contains, and the tutorial is executed: its files
// are written into a module of their own, its commands run, and what they print is compared with the page.
//
// It costs some go list, and for the tutorial two builds of a program, which -short leaves out. Times, ids, dates, slots
// and numbers of steps differ from run to run and are compared by their place alone.
//
// Caveats: only links within the repository are checked, never those to other sites.
package docs
