package process

import (
	"maps"
	"os"
	"slices"
	"strings"
)

// Environment returns an environment for a Command: of the variables of this process those whose name is allowed, and those
// of add, which replace others of the same name. An allowed name that ends with * stands for all that begin so. The result
// is sorted, and not nil.
func Environment(allow []string, add map[string]string) []string {
	return environment(os.Environ(), allow, add)
}

func environment(own, allow []string, add map[string]string) []string {
	variables := make(map[string]string, len(allow)+len(add))
	for _, v := range own {
		if name, value, ok := strings.Cut(v, "="); ok && allowed(name, allow) {
			variables[name] = value
		}
	}
	maps.Copy(variables, add)
	result := make([]string, 0, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		result = append(result, name+"="+variables[name])
	}
	return result
}

func allowed(name string, allow []string) bool {
	return slices.ContainsFunc(allow, func(a string) bool {
		if prefix, ok := strings.CutSuffix(a, "*"); ok {
			return strings.HasPrefix(name, prefix)
		}
		return name == a
	})
}
