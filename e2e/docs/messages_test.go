package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTroubleshootingMessages finds each message that heads a section of docs/troubleshooting.md in the sources.
func TestTroubleshootingMessages(t *testing.T) {
	var messages []string
	for _, line := range heading.FindAllStringSubmatch(read(t, "docs/troubleshooting.md"), -1) {
		for _, message := range code.FindAllString(line[1], -1) {
			messages = append(messages, strings.Trim(message, "`"))
		}
	}
	require.Greater(t, len(messages), 20)
	all := sources(t)
	for _, message := range messages {
		assert.Empty(t, missing(message, all), "%s: what no source says", message)
	}
}

func TestTroubleshootingMessagesNotices(t *testing.T) {
	said := "\"run %s was asked to %s, \" + rest"
	assert.Empty(t, missing("run … was asked to …", said))
	assert.Equal(t, []string{"was ordered to"}, missing("run … was ordered to …", said))
}

// missing are the parts of a message, between what differs, that the sources do not have.
func missing(message, sources string) (parts []string) {
	for part := range strings.SplitSeq(message, "…") {
		if part = strings.TrimSpace(part); !strings.Contains(sources, part) {
			parts = append(parts, part)
		}
	}
	return parts
}

// joint is where a Go string continues on the next line.
var joint = regexp.MustCompile(`"\s*\+\s*"`)

// sources is everything that may print a message, with the texts of Go in one piece.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"cmd", "digest", "engine", "metricsstore", "web", "templates", "tools", "static/src"} {
		err := filepath.WalkDir(filepath.Join(root(t), folder), func(file string, entry os.DirEntry, err error) error {
			printing := slices.Contains([]string{".go", ".sh", ".html", ".svelte", ".ts"}, filepath.Ext(file))
			if err != nil || entry.IsDir() || !printing || strings.HasSuffix(file, "_test.go") {
				return err
			}
			content, err := os.ReadFile(file)
			all.Write(joint.ReplaceAll(content, nil))
			return err
		})
		require.NoError(t, err)
	}
	return all.String()
}
