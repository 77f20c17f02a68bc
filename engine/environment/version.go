package environment

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// version is that of an interpreter, such as 3.11.2.
type version [3]int

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// condition is one part of a wanted version, such as >=3.10. Its version has given parts, 1 to 3.
type condition struct {
	operator string
	version  version
	given    int
}

// versions are conditions that all have to hold; none accepts every version.
type versions []condition

// operators, the longer ones first. They are those of PEP 440, apart from === for versions that are no numbers.
var operators = []string{"~=", "==", "!=", "<=", ">=", "<", ">"}

// parseVersions reads conditions with commas between. A version alone, such as 3.11, stands for ==3.11.*.
func parseVersions(text string) (versions, error) {
	var all versions
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		c, ok := parseCondition(strings.TrimSpace(part))
		if !ok {
			return nil, fmt.Errorf("the wanted Python is %q, expected a version such as 3.11, a condition such as >=3.10,<3.13, or a path", text)
		}
		all = append(all, c)
	}
	return all, nil
}

func parseCondition(text string) (condition, bool) {
	var c condition
	number := text
	for _, o := range operators {
		if rest, ok := strings.CutPrefix(text, o); ok {
			c.operator, number = o, strings.TrimSpace(rest)
			break
		}
	}
	prefix, starred := strings.CutSuffix(number, ".*")
	if starred && c.operator != "==" && c.operator != "!=" {
		return condition{}, false
	}
	parts := strings.Split(prefix, ".")
	if len(parts) > len(c.version) {
		return condition{}, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return condition{}, false
		}
		c.version[i] = int(n)
	}
	c.given = len(parts)
	switch {
	case c.operator == "" || c.operator == "~=" && c.given < 2:
		return c, c.operator == ""
	case (c.operator == "==" || c.operator == "!=") && !starred:
		c.given = len(c.version) // 3.11 is 3.11.0 there
	}
	return c, true
}

// accepts reports whether v fulfils every condition.
func (all versions) accepts(v version) bool {
	for _, c := range all {
		if !c.accepts(v) {
			return false
		}
	}
	return true
}

func (c condition) accepts(v version) bool {
	switch c.operator {
	case "", "==":
		return v.same(c.version, c.given)
	case "!=":
		return !v.same(c.version, c.given)
	case "~=": // at least this one, and the same but for the last part that is given
		return !v.less(c.version) && v.same(c.version, c.given-1)
	case "<":
		return v.less(c.version)
	case ">=":
		return !v.less(c.version)
	case ">":
		return c.version.less(v)
	default: // <=
		return !c.version.less(v)
	}
}

// same reports whether the first n parts are equal.
func (v version) same(w version, n int) bool {
	for i := range n {
		if v[i] != w[i] {
			return false
		}
	}
	return true
}

func (v version) less(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

// acceptsSome reports whether any patch of the version 3.minor fulfils every condition. What a condition says can change
// only next to its own patch.
func (all versions) acceptsSome(minor int) bool {
	patches := []int{0, 1 << 16}
	for _, c := range all {
		patches = append(patches, c.version[2]-1, c.version[2], c.version[2]+1)
	}
	return slices.ContainsFunc(patches, func(patch int) bool { return patch >= 0 && all.accepts(version{3, minor, patch}) })
}
