package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWhatAKilledProcessHasLeftOfALineIsCutOffAndATextLosesNothing(t *testing.T) {
	long := "{" + strings.Repeat("x", maxTail)
	longer := "one line {" + long[2:] // what is looked at begins with the brace
	for name, test := range map[string]struct{ before, want string }{
		"nothing":                                   {"", ""},
		"a whole line":                              {text(0, 1), text(0, 1)},
		"a torn record":                             {text(0, 2) + `{"n":`, text(0, 2)},
		"a torn record alone":                       {`{"n":`, ""},
		"no more than a brace":                      {text(0, 1) + "{", text(0, 1)},
		"a record without its newline":              {text(0, 1) + `{"n":1}`, text(0, 2)},
		"a record with something behind it":         {text(0, 1) + `{"n":1}x`, text(0, 1)},
		"a text without a newline at its end":       {"one\ntwo", "one\ntwo\n"},
		"a text of one line":                        {"one", "one\n"},
		"JSON over several lines":                   {"{\n \"n\": 1\n}", "{\n \"n\": 1\n}\n"},
		"a brace that is not in front":              {"x {", "x {\n"},
		"an empty line":                             {"\n", "\n"},
		"a torn line just within what is looked at": {"\n" + long[:maxTail-1], "\n"},
		"a line too long to be looked at":           {longer, longer + "\n"},
		"one behind others":                         {"\n" + longer, "\n" + longer + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.jsonl")
			if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := open(t, path).Write(t.Context(), records(7, 8)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != test.want+text(7, 8) {
				t.Errorf("there are %d bytes: %.100q…, want %.100q…", len(got), got, test.want+text(7, 8))
			}
		})
	}
}

// The other process dies while this one has the file open.
func TestATornLineOfAnotherProcessIsCutOffWhereverItIsMet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	s := open(t, path)
	for n := range 3 {
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Fatal(err)
		}
		appendTo(t, path, `{"torn`)
	}
	if got := read(t, path); got != text(0, 3)+`{"torn` {
		t.Errorf("the file holds %q", got)
	}
}

// It is killed between this sink's write and the look that follows it.
func TestATornLineRightBehindAWriteIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	s := open(t, path)
	torn := func() { appendTo(t, path, `{"torn`) }
	s.wrap = func(h handle) handle { return after{h, &torn} }
	if err := errors.Join(s.Write(t.Context(), records(0, 1)), s.Write(t.Context(), records(1, 2))); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != text(0, 2) {
		t.Errorf("the file holds %q", got)
	}
}

func TestATornLineThatCannotBeCutOffIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	if err := os.WriteFile(path, []byte(`{"n`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, room := open(t, path), -1
	s.wrap = func(h handle) handle { return failing{handle: h, room: &room, noTruncate: true} }
	if err := s.Write(t.Context(), records(0, 1)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "{\"n\n"+text(0, 1) {
		t.Errorf("the file holds %q", got)
	}
}

func TestARepairThatFailsIsAFailedAttempt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, room := open(t, path), 0
	s.wrap = func(h handle) handle { return failing{handle: h, room: &room} }
	if err := s.Write(t.Context(), records(0, 1)); err == nil || read(t, path) != "text" {
		t.Errorf("%v; the file holds %q", err, read(t, path))
	}
	room = -1
	if err := s.Write(t.Context(), records(0, 1)); err != nil || read(t, path) != "text\n"+text(0, 1) {
		t.Errorf("%v; the file holds %q", err, read(t, path))
	}
}

// Whatever the end of a file is: only a line that begins like a record and is none is
// cut off, and all of it.
func FuzzEndOfAFile(f *testing.F) {
	for _, seed := range []string{"", "\n", "{", "a\n{\"n\":1", "a\n{}", "\x00\x00", "{\n{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		keep, err := wholeUntil(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(b, []byte{'\n'})
		tail := lines[len(lines)-1]
		want := int64(-1)
		switch {
		case len(tail) == 0:
			want = int64(len(b))
		case len(tail) >= maxTail:
			return
		case tail[0] == '{' && !json.Valid(tail):
			want = int64(len(b) - len(tail))
		}
		if keep != want {
			t.Errorf("%q is kept until %d, want %d", b, keep, want)
		}
		if keep, err := wholeUntil(bytes.NewReader(nil), int64(len(b))); err != nil || keep != int64(len(b)) {
			t.Errorf("truncated meanwhile: %d, %v", keep, err)
		}
	})
}

func TestAnErrorOfReadingTheEndIsTold(t *testing.T) {
	if _, err := wholeUntil(failingReader{}, 10); err != syscall.EIO {
		t.Errorf("got %v", err)
	}
}

type failingReader struct{}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, syscall.EIO }
