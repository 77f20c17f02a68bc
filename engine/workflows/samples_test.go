package workflows

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
	"github.com/dagscope/dagscope/engine/workflows/internal/words"
)

func TestSamplesOfGo(t *testing.T) {
	root := t.TempDir()
	s := samples{goroot: func() (string, error) { return root, nil }}
	for _, name := range []string{"src/testdata/Isaac.Newton-Opticks.txt", "src/image/testdata/video-001.png"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(name), 0o600))
	}
	text, err := s.text()
	require.NoError(t, err)
	require.Equal(t, "Isaac.Newton-Opticks.txt", text.Name)
	require.Equal(t, "src/testdata/Isaac.Newton-Opticks.txt", string(text.Data))
	image, err := s.image()
	require.NoError(t, err)
	require.Equal(t, "video-001.png", image.Name)
	require.Equal(t, "src/image/testdata/video-001.png", string(image.Data))
}

// TestSamplesWithoutGo pins the generated files down, so that runs on different machines can be compared.
func TestSamplesWithoutGo(t *testing.T) {
	for _, s := range []samples{
		{goroot: func() (string, error) { return "", errors.New("no go") }},
		{goroot: func() (string, error) { return t.TempDir(), nil }},
	} {
		text, err := s.text()
		require.NoError(t, err)
		require.Equal(t, "generated text, seed 1", text.Name)
		require.NoError(t, words.Check(text.Data))
		require.Equal(t, "a0500c4f89b87c9f36c232541e8061cc86ccf656c3db1ebf439fdbd78537350f", text.Hash())
		image, err := s.image()
		require.NoError(t, err)
		require.Equal(t, "generated image, seed 1", image.Name)
		m, err := raster.Decode(image.Data)
		require.NoError(t, err)
		require.Equal(t, []int{320, 240}, []int{m.Width, m.Height})
		require.Equal(t, "0852794d3ed9b4af69ec92874306f3b0d7577277affedc79d0916f7aed336295", fmt.Sprintf("%x", sha256.Sum256(m.Pixels)))
	}
}

func TestFindGo(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command is installed")
	}
	root, err := findGo()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "VERSION"))
}
