package importer_test

import (
	"bytes"
	"context"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// place is where a text says that something is: a line or a byte.
var place = regexp.MustCompile(`\b(line|byte|after) (\d+)`)

// unplaced are records in which any line may be what a command, a job or a message printed.
var unplaced = regexp.MustCompile(`^(remake-profile|parallel-joblog|htcondor-dagman)/`)

// TestMistakesHaveAPlace puts a line that no format has into the middle of each record: the error, the reason why the run is
// incomplete, or a note names that line, or a byte in it or in the value that it is in.
func TestMistakesHaveAPlace(t *testing.T) {
	for _, s := range readSamples(t) {
		lines := bytes.SplitAfter(s.text, []byte("\n"))
		if len(lines) < 8 || unplaced.MatchString(s.path) {
			continue
		}
		if _, err := s.format.Read(context.Background(), []records.File{droptest.File(s.path, records.Main, s.text)}); err != nil {
			continue // it is one that is refused
		}
		t.Run(s.path, func(t *testing.T) {
			at := len(lines) / 2
			before := bytes.Join(lines[:at], nil)
			junk := []byte("\x01 {this is: no line]\n")
			said := sayings(t, s, bytes.Join([][]byte{before, junk, bytes.Join(lines[at:], nil)}, nil))
			for _, p := range place.FindAllStringSubmatch(said, -1) {
				n, err := strconv.Atoi(p[2])
				require.NoError(t, err)
				// encoding/xml names the line in which a text with an illegal character ends.
				atLine := n == at+1 || n > at && s.format.Name() == "junit"
				if p[1] == "line" && atLine || p[1] != "line" && n <= len(before)+len(junk) {
					return
				}
			}
			t.Errorf("expected line %d or a byte up to %d in %q", at+1, len(before)+len(junk), said)
		})
	}
}

// sayings is what a format says about a text that it does not understand.
func sayings(t *testing.T, s sample, text []byte) (said string) {
	t.Helper()
	runs, err := s.format.Read(context.Background(), []records.File{droptest.File(s.path, records.Main, text)})
	if err != nil {
		return err.Error()
	}
	for _, r := range runs {
		said += r.Incomplete + "\n"
		for _, n := range r.Notes {
			said += n.Text + "\n"
		}
	}
	return said
}
