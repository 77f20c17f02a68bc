// Package pythontest finds the Python that tests use.
//
// It is that of the system's packages, which has numpy where the package python3-numpy is installed; without it, the python3
// of PATH. A test that needs more than there is is skipped with the reason, and fails instead where REQUIRE_PYTHON=1, as
// make test has it.
//
// Caveats: a Python that was installed in another way may lack numpy even if the system's has it.
package pythontest

import (
	"os"
	"os/exec"
	"testing"
)

// system is the Python of the packages of Debian and most others.
const system = "/usr/bin/python3"

// Find returns the path of an interpreter.
func Find(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat(system); err == nil {
		return system
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		lack(t, "python3 is not installed")
	}
	return path
}

// FindNumpy returns the path of an interpreter that has numpy.
func FindNumpy(t testing.TB) string {
	t.Helper()
	path := Find(t)
	if err := exec.Command(path, "-c", "import numpy").Run(); err != nil {
		lack(t, path+" has no numpy: install python3-numpy")
	}
	return path
}

// FindVenv returns the path of an interpreter that can make virtual environments and put pip into them.
func FindVenv(t testing.TB) string {
	t.Helper()
	path := Find(t)
	if err := exec.Command(path, "-c", "import venv, ensurepip").Run(); err != nil {
		lack(t, path+" has no ensurepip: install python3-venv")
	}
	return path
}

func lack(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_PYTHON") == "1" {
		t.Fatalf("pythontest: %s, and REQUIRE_PYTHON=1", what)
	}
	t.Skip("pythontest: " + what)
}
