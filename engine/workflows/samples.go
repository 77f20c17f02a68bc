package workflows

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
)

// samples gives the files that workflows take when none is named.
type samples struct{ goroot func() (string, error) }

func newSamples() samples { return samples{goroot: sync.OnceValues(findGo)} }

// findGo asks the go command where Go is.
func findGo() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	cmd.Dir = os.TempDir() // in a module's folder the command might first fetch the Go that the module asks for
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask where Go is: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// text is Newton's Opticks, else a generated text.
func (s samples) text() (engine.File, error) {
	if f, ok := s.ofGo("src", "testdata", "Isaac.Newton-Opticks.txt"); ok {
		return f, nil
	}
	return generatedText(), nil
}

// image is a frame of a video, else a generated image.
func (s samples) image() (engine.File, error) {
	if f, ok := s.ofGo("src", "image", "testdata", "video-001.png"); ok {
		return f, nil
	}
	return generatedImage()
}

// ofGo reads one of Go's own files; a machine without Go, or with another layout of it, has none.
func (s samples) ofGo(path ...string) (engine.File, bool) {
	root, err := s.goroot()
	if err != nil || root == "" {
		return engine.File{}, false
	}
	name := filepath.Join(append([]string{root}, path...)...)
	data, err := os.ReadFile(name)
	return engine.File{Name: filepath.Base(name), Data: data}, err == nil
}

// generatedText has 80,000 words of 4,000 different ones, the n-th of which is about n times rarer than the first,
// in sentences and lines: the proportions of Opticks.
func generatedText() engine.File {
	random := rand.New(rand.NewPCG(1, 0))
	syllables := strings.Fields("la te ri on se mi ra ve nu ko lu tha pre sti am er do wi no ga")
	vocabulary := make([]string, 4000)
	for i := range vocabulary {
		var word strings.Builder
		for range 1 + int(math.Log2(float64(i+2)))/3 + random.IntN(2) {
			word.WriteString(syllables[random.IntN(len(syllables))])
		}
		vocabulary[i] = word.String()
	}
	zipf := rand.NewZipf(random, 1.05, 1, uint64(len(vocabulary)-1))
	var text bytes.Buffer
	column := 0
	for range 80_000 {
		word := vocabulary[zipf.Uint64()]
		text.WriteString(word)
		column += len(word) + 1
		if random.IntN(14) == 0 {
			text.WriteByte('.')
		}
		if column > 70 {
			text.WriteByte('\n')
			column = 0
		} else {
			text.WriteByte(' ')
		}
	}
	return engine.File{Name: "generated text, seed 1", Data: text.Bytes()}
}

// generatedImage is a PNG of 320 × 240 pixels: a colour gradient with 24 discs on it.
func generatedImage() (engine.File, error) {
	random := rand.New(rand.NewPCG(1, 1))
	m := raster.New(320, 240)
	for y := range m.Height {
		for x := range m.Width {
			copy(m.Row(y)[3*x:], []byte{byte(x * 255 / m.Width), byte(y * 255 / m.Height), byte((x + y) % 256)})
		}
	}
	for range 24 {
		cx, cy, radius := random.IntN(m.Width), random.IntN(m.Height), 5+random.IntN(25)
		colour := []byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}
		for y := max(0, cy-radius); y < min(m.Height, cy+radius); y++ {
			for x := max(0, cx-radius); x < min(m.Width, cx+radius); x++ {
				if (x-cx)*(x-cx)+(y-cy)*(y-cy) < radius*radius {
					copy(m.Row(y)[3*x:], colour)
				}
			}
		}
	}
	data, err := m.PNG()
	return engine.File{Name: "generated image, seed 1", Data: data}, err
}
