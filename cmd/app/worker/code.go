package worker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/python"
)

// Accepting has the flags of programs that execute what is not compiled into them. Programs embed it in their flags.
type Accepting struct {
	AcceptCode   bool `env:"DAGSCOPE_ACCEPT_CODE" help:"Execute commands and Python functions of pipelines, if they were signed with the secret of --secret-file: whoever has it can execute any program here."`
	AcceptPickle bool `env:"DAGSCOPE_ACCEPT_PICKLE" help:"With --accept-code, accept Python values as pickles from calls that ask for it."`
}

// Check refuses invalid values.
func (a Accepting) Check(secretFile string) error {
	switch {
	case a.AcceptCode && secretFile == "":
		return errors.New("--accept-code is given without --secret-file, expected the file of the secret that code is signed with")
	case a.AcceptPickle && !a.AcceptCode:
		return errors.New("--accept-pickle is given without --accept-code, expected both")
	}
	return nil
}

// runner makes the runner of code that is signed with a secret; nil without --accept-code.
func (o *Options) runner() (*code.Runner, error) {
	if !o.AcceptCode {
		return nil, nil
	}
	key, err := o.Secret()
	if err != nil {
		return nil, err
	}
	dir := o.CodeDir
	if dir == "" {
		caches, err := os.UserCacheDir()
		if err != nil {
			return nil, usage("--accept-code: expected --code-dir, since this user has no folder of caches: %w", err)
		}
		dir = filepath.Join(caches, "dagscope")
	}
	return code.New(code.Config{
		Dir: filepath.Join(dir, "code"), Environments: filepath.Join(dir, "environments"), Package: python.FS(), Secret: key,
		SecretValue: SecretValue, AllowPickle: o.AcceptPickle,
	})
}

// secretVariables is what the names of variables begin with that tasks may get as secrets.
const secretVariables = "DAGSCOPE_SECRET_"

// SecretValue is code.Config.SecretValue: the value of a variable of this process, or of the file that a variable names.
func SecretValue(name string) (string, error) {
	if file := os.Getenv(secretVariables + "FILE_" + name); file != "" {
		value, err := os.ReadFile(file)
		return strings.TrimRight(string(value), "\r\n"), err
	}
	if value, ok := os.LookupEnv(secretVariables + name); ok {
		return value, nil
	}
	return "", usage("the secret %s is not known here, expected it in the variable %s%s, or its file in %sFILE_%s",
		name, secretVariables, name, secretVariables, name)
}
