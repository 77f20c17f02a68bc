package workflows

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
	"github.com/dagscope/dagscope/engine/workflows/internal/words"
)

// maxSeed keeps seeds exact where parameters travel as floating point numbers.
const maxSeed = 1 << 53

func intParam(name string, byDefault, lowest, highest int, help string) engine.Param {
	return engine.Param{
		Name: name, Kind: engine.IntParam, Help: help,
		Default: strconv.Itoa(byDefault), Min: float64(lowest), Max: float64(highest),
	}
}

func durationParam(name string, byDefault, highest time.Duration, help string) engine.Param {
	return engine.Param{
		Name: name, Kind: engine.DurationParam, Help: help, Default: byDefault.String(), Max: highest.Seconds(),
	}
}

func seedParam() engine.Param {
	return intParam("seed", 1, 0, maxSeed, "which random values the input has")
}

func textParam(s samples) engine.Param {
	return engine.Param{
		Name: "input", Kind: engine.FileParam, Help: "a text in UTF-8",
		Default: "Newton's Opticks from Go's src/testdata, where Go is installed, else a generated text of seed 1", DefaultFile: s.text,
	}
}

func imageParam(s samples) engine.Param {
	return engine.Param{
		Name: "input", Kind: engine.FileParam, Help: "a PNG, JPEG or GIF file",
		Default:     "video-001.png from Go's src/image/testdata, where Go is installed, else a generated image of seed 1",
		DefaultFile: s.image,
	}
}

// invalid is engine.ErrInvalidParameter for what the description of a parameter cannot express.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{engine.ErrInvalidParameter}, args...)...)
}

// textArg is the content of the parameter input.
func textArg(args engine.Args) ([]byte, error) {
	f := args.File("input")
	if err := words.Check(f.Data); err != nil {
		return nil, invalid("input %q: %w", f.Name, err)
	}
	return f.Data, nil
}

// imageArg decodes the parameter input, so that a bad image is refused at submission.
func imageArg(args engine.Args) (raster.Image, error) {
	f := args.File("input")
	m, err := raster.Decode(f.Data)
	if err != nil {
		return raster.Image{}, invalid("input %q: %w", f.Name, err)
	}
	return m, nil
}

// checkTasks refuses a graph that is too large before it is built.
func checkTasks(n int, remedy string) error {
	if limit := (dag.Limits{}).WithDefaults().Tasks; n > limit {
		return invalid("that makes %d tasks, expected at most %d: %s", n, limit, remedy)
	}
	return nil
}

// ceilDiv is ⌈a/b⌉ of positive numbers.
func ceilDiv(a, b int) int { return (a + b - 1) / b }
