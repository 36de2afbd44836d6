package httppost

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httpheader"
)

// maxSecret is how much a file of credentials may hold.
const maxSecret = 64 << 10

// SecretFile is a file that holds a secret: a password, a token, a key. It is safe
// for concurrent use.
type SecretFile struct {
	path string

	mu    sync.Mutex // never held during I/O
	stamp stamp      // of the file as secret was read
	value sink.Secret
}

// NewSecretFile returns the file at path. It is not looked at yet.
func NewSecretFile(path string) *SecretFile { return &SecretFile{path: path} }

// Read returns what the file holds, without white space at its ends. It is read at
// first, after [SecretFile.Forget], and when it is another file or its size or
// time has changed. The error, if it cannot be read, is empty, over 64 KiB or not
// text in one line, has the verdict [sink.Park].
func (f *SecretFile) Read() (sink.Secret, error) {
	now := stampOf(f.path)
	f.mu.Lock()
	value, known := f.value, f.value != "" && now.same(f.stamp)
	f.mu.Unlock()
	if known {
		return value, nil
	}
	value, err := readSecret(f.path)
	if err != nil {
		return "", park(err)
	}
	f.mu.Lock()
	f.value, f.stamp = value, now
	f.mu.Unlock()
	return value, nil
}

// Forget has the next Read read the file: what it held was refused.
func (f *SecretFile) Forget() {
	f.mu.Lock()
	f.value = ""
	f.mu.Unlock()
}

func readSecret(path string) (sink.Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	text := strings.TrimSpace(string(b))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSecret:
		return "", fmt.Errorf("%s: over 64 KiB; want a file with nothing but the secret", path)
	case text == "":
		return "", fmt.Errorf("%s: the file is empty", path)
	case !httpheader.IsValue(text):
		return "", fmt.Errorf("%s: want one line of text", path)
	}
	return sink.Secret(text), nil
}

// stamp is by what a file's change is noticed.
type stamp struct {
	info os.FileInfo // nil: there is none
	time time.Time
	size int64
}

func stampOf(path string) stamp {
	if path == "" {
		return stamp{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info: info, time: info.ModTime(), size: info.Size()}
}

func (s stamp) same(other stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil
	}
	return os.SameFile(s.info, other.info) && s.time.Equal(other.time) && s.size == other.size
}

// basicOf returns user and password of a file that holds user:password.
func (f *SecretFile) basic() (user, password string, err error) {
	value, err := f.Read()
	if err != nil {
		return "", "", err
	}
	user, password, ok := strings.Cut(value.Reveal(), ":")
	if !ok {
		return "", "", park(errors.New(f.path + ": want user:password"))
	}
	return user, password, nil
}
