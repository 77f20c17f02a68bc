package environment

import (
	"context"
	"errors"
)

// installModules installs what package-lock.json names, and nothing else.
func (a *attempt) installModules(ctx context.Context) error {
	npm, ok := a.tools.look("npm")
	if !ok {
		return errors.New("there is no npm on the PATH, expected one; Debian and Ubuntu have it in the package npm")
	}
	return a.run(ctx, npm, "ci", "--no-audit", "--no-fund", "--no-progress")
}
