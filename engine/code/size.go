package code

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// sizeUnits are the units of ParseSize in lower case. B is last, since the others end with it.
var sizeUnits = []struct {
	name string
	size float64
}{{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40}, {"b", 1}}

// ParseSize reads a number of bytes, such as 500MiB or 1.5 GiB. The error says what was expected.
func ParseSize(text string) (int64, error) {
	number, unit := strings.ToLower(text), 1.0
	for _, u := range sizeUnits {
		if before, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(before), u.size
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if n = math.Round(n * unit); err != nil || strings.Trim(number, "0123456789.") != "" || n < 1 || n >= 1<<63 {
		return 0, fmt.Errorf("%q is not a size of 1 byte or more, expected bytes, or a number with KiB, MiB, GiB or TiB, such as 500MiB", text)
	}
	return int64(n), nil
}
