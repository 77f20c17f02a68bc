package app

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
)

func TestPlaceIsFoundFromAnyFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's mine")
	s := &session{flags: &commonFlags{Data: dir}}
	assert.Equal(t, "--data "+shellWord(dir), s.place(storeFlags{}))
	relative := &session{flags: &commonFlags{Data: "some-data"}}
	assert.True(t, filepath.IsAbs(strings.TrimPrefix(relative.place(storeFlags{}), "--data ")))

	shared := storeFlags{Redis: fleet.Redis{URL: "redis://127.0.0.1:6379", Prefix: "a b:"}, Metrics: "redis"}
	assert.Equal(t, "--redis redis://127.0.0.1:6379 --redis-prefix 'a b:'", s.place(shared))
	shared.Metrics = "embedded"
	assert.True(t, strings.HasSuffix(s.place(shared), " --metrics embedded --data "+shellWord(dir)))
}

func TestShellWordsReadBackAsTheyWere(t *testing.T) {
	words := []string{"plain", "", "two words", "it's", `back\slash "quoted"`, "$HOME `id`", "redis://u@h:1?a=b&c=d", "später"}
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, shellWord(w))
	}
	out, err := exec.Command("sh", "-c", `printf '%s\n' `+strings.Join(quoted, " ")).Output()
	require.NoError(t, err)
	assert.Equal(t, strings.Join(words, "\n")+"\n", string(out))
}
