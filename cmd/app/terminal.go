package app

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/dagscope/dagscope/engine/record"
)

// isTerminal reports whether f is a terminal.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// colourful reports whether f is a terminal that supports colours and whose user wants them (https://no-color.org).
func colourful(f *os.File) bool {
	return isTerminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Colours as escape codes. All have the same length, so that painted columns stay aligned.
const (
	plainColour = 39
	redColour   = 31
	greenColour = 32
	amberColour = 33
	blueColour  = 34
)

// painted puts a colour around a text.
func painted(text string, colour int) string {
	return "\x1b[" + strconv.Itoa(colour) + "m" + text + "\x1b[39m"
}

// statusColumn is a column of statuses or outcomes, in colours if they are used.
func (s *session) statusColumn(title string) column {
	c := left(title)
	if s.colour {
		c.paint = func(cell string) string { return painted(cell, statusColour(strings.TrimSpace(cell))) }
	}
	return c
}

// status formats a status in its colour.
func (s *session) status(text string) string {
	if !s.colour {
		return text
	}
	return painted(text, statusColour(text))
}

// statusColour is the colour of a status. The status itself is always shown as well.
func statusColour(status string) int {
	switch record.Status(status) {
	case record.Succeeded, "ok", "cached":
		return greenColour
	case record.Failed, record.Interrupted, "lost":
		return redColour
	case record.Cancelled, record.Paused, "retrying", "skipped":
		return amberColour
	case record.Running, record.Queued:
		return blueColour
	default:
		return plainColour
	}
}
