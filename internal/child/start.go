package child

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The statuses of programs that could not be started (POSIX.1-2024, Shell & Utilities,
// 2.8.2 "Exit Status for Commands").
const (
	notExecutable = 126
	notFound      = 127
)

// StartError says why a program could not be started.
type StartError struct {
	Program string
	Status  int // what a shell's would be: 127 if it is not found, 126 for any other reason
	Err     error
}

// Error implements error.
func (e *StartError) Error() string {
	if e.Program == "" {
		return "no program is named"
	}
	return fmt.Sprintf("%q cannot be started: %v", e.Program, e.Err)
}

// Unwrap returns the reason.
func (e *StartError) Unwrap() error { return e.Err }

// startError describes why the program called name could not be started. A path of ""
// is that of one that was not found.
func startError(name, path string, err error) *StartError {
	e := &StartError{Program: name, Status: notExecutable, Err: err}
	var reason *fs.PathError
	if errors.As(err, &reason) {
		e.Err = reason.Err
	}
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case errors.Is(err, exec.ErrNotFound):
		e.Status, e.Err = notFound, errors.New("there is none of that name in PATH")
	case missing && path == "":
		e.Status, e.Err = notFound, errors.New("there is no such file")
	case missing: // the file was there: it is what it names that was not
		e.Status, e.Err = notFound, fmt.Errorf("%s needs an interpreter or a loader that is not there: see its first line, or ldd", path)
	}
	return e
}

// find returns the path of the program called name. A current directory that PATH
// names is searched as a shell would.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil || errors.Is(err, exec.ErrDot):
		return path, nil
	case errors.Is(err, exec.ErrNotFound) && inPath(name):
		return "", fs.ErrPermission
	}
	var reason *exec.Error
	if errors.As(err, &reason) {
		err = reason.Err
	}
	return "", err
}

// inPath reports whether PATH has a file called name, which is then not executable.
func inPath(name string) bool {
	if name == "" || strings.ContainsRune(name, filepath.Separator) {
		return false
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// pipe is one stream of a program: it writes, this process reads.
type pipe struct{ r, w *os.File }

// pipes are the two streams. They hold what the system gives them: with 1 MiB instead of
// Linux's 64 KiB a million lines take as long, and what is in a pipe when this process is
// killed has not been read.
type pipes struct{ stdout, stderr pipe }

func openPipes() (p pipes, err error) {
	if p.stdout.r, p.stdout.w, err = os.Pipe(); err != nil {
		return p, err
	}
	if p.stderr.r, p.stderr.w, err = os.Pipe(); err != nil {
		_, _ = p.stdout.r.Close(), p.stdout.w.Close()
	}
	return p, err
}

func (p pipes) closeReaders() { _, _ = p.stdout.r.Close(), p.stderr.r.Close() }
func (p pipes) closeWriters() { _, _ = p.stdout.w.Close(), p.stderr.w.Close() }
