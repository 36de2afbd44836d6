package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

func TestSettingsAreReadFromTheURI(t *testing.T) {
	o, err := sink.Parse("file:///a.jsonl?maxBytes=100MiB&rotate=24h&backupCount=10&max-age=7d&max-total=5GiB&compress=GZIP&fsync=1s", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Path: filepath.FromSlash("/a.jsonl"), MaxSize: 100 << 20, Rotate: sink.Duration(24 * time.Hour), MaxFiles: 10,
		MaxAge: sink.Duration(7 * 24 * time.Hour), MaxTotal: 5 << 30, Compress: Gzip, Fsync: Fsync(time.Second),
	}
	if got := *o.(*Config); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestFsyncPrintsWhatItReads(t *testing.T) {
	for text, want := range map[string]Fsync{"never": Never, "batch": EveryBatch, " Batch ": EveryBatch, "250ms": Fsync(250 * time.Millisecond), "1m30s": Fsync(90 * time.Second)} {
		var f Fsync
		if err := f.Set(text); err != nil || f != want {
			t.Errorf("%q is %v, %v", text, f, err)
		}
		if again := Fsync(42); again.Set(f.String()) != nil || again != f {
			t.Errorf("%q prints as %q, which is %v", text, f, again)
		}
	}
}

func TestSettingsThatContradictEachOtherAreTold(t *testing.T) {
	const day = sink.Duration(24 * time.Hour)
	for _, test := range []struct {
		config Config
		want   string // empty: fine
	}{
		{Config{}, ""},
		{Config{MaxSize: 1, Rotate: day, MaxFiles: 1, MaxAge: day, MaxTotal: 1, Compress: Gzip, Fsync: EveryBatch}, ""},
		{Config{Rotate: sink.Duration(time.Second), MaxFiles: 1, Compress: None, Fsync: Fsync(time.Millisecond)}, ""},
		{Config{MaxFiles: 1}, "max-files has no effect on a file that is not rotated; add max-size"},
		{Config{MaxAge: day}, "max-age has no effect"},
		{Config{MaxTotal: 1}, "max-total needs max-size"},
		{Config{MaxTotal: 1, Rotate: day}, "max-total needs max-size"},
		{Config{Compress: Gzip}, "compress has no effect"},
		{Config{Compress: "zstd"}, "want none or gzip"},
		{Config{Rotate: sink.Duration(999 * time.Millisecond)}, "rotate=999ms is too short"},
		{Config{MaxSize: 10, MaxTotal: 9}, "max-total=9 is less than max-size=10"},
		{Config{Fsync: -2}, "want never, batch"},
		{Config{Fsync: 5}, "want never, batch"},
		{Config{MaxSize: -1}, "negative"},
		{Config{MaxSize: 1, MaxFiles: -1}, "negative"},
	} {
		test.config.Path = filepath.Join(t.TempDir(), "app.jsonl")
		validate := test.config.Validate()
		s, err := New(test.config)
		if s != nil {
			_ = s.Close()
		}
		for _, err := range []error{validate, err} {
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%+v: %v, want %q", test.config, err, test.want)
			}
		}
	}
}

func TestAllMistakesAreToldTogether(t *testing.T) {
	err := (&Config{MaxFiles: 1, MaxAge: 1, Compress: "x"}).Validate()
	for _, want := range []string{"path missing", "max-files", "max-age", "compress"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

func TestEachMistakeIsAnErrorOfItsOwn(t *testing.T) {
	err := (&Config{Path: "a", MaxFiles: 1, MaxAge: 1, Compress: "x"}).Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || strings.Contains(err.Error(), "file:") {
		t.Fatalf("got %v", err)
	}
	if mistakes, ok := joined.Unwrap()[0].(interface{ Unwrap() []error }); !ok || len(mistakes.Unwrap()) != 3 {
		t.Errorf("got %v", err)
	}
}

// What app.gz is rotated to has the name of a compressed file of app.
func TestAFileWithTheNameOfACompressedOneIsNotRotated(t *testing.T) {
	const want = "has the name of a compressed file"
	for _, name := range []string{"app.gz", "app.gz.tmp", "app.jsonl.gz", ".gz"} {
		c := Config{Path: filepath.Join(t.TempDir(), name), Rotate: sink.Duration(24 * time.Hour)}
		if err := c.Validate(); err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		c.Rotate = 0
		if err := errors.Join(c.Validate(), openWith(t, c).Write(t.Context(), records(0, 1))); err != nil {
			t.Errorf("%s, not rotated: %v", name, err)
		}
	}
	link := filepath.Join(t.TempDir(), "current")
	if err := os.Symlink("app.gz", link); err != nil {
		t.Fatal(err)
	}
	c := Config{Path: link, MaxSize: 1}
	for _, err := range []error{c.Validate(), openWith(t, c).Write(t.Context(), records(0, 1))} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a link: %v", err)
		}
	}
}

func TestPlacesThatCannotBeRotatedAreTold(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		os.DevNull: "is not a regular file and cannot be rotated",
		filepath.Join(dir, strings.Repeat("x", 250)): "too long to be rotated",
		filepath.Join(dir, strings.Repeat("x", 200)): "",
	} {
		err := (&Config{Path: path, MaxSize: 1}).Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := openWith(t, Config{Path: os.DevNull, MaxSize: 1}).Write(t.Context(), records(0, 1)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("the null device is rotated: %v", err)
	}
}

func TestUnusablePathsAreToldBeforeAnythingIsCreated(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                             "is a directory",
		filepath.Join(plain, "app.log"): "not a directory",
		filepath.Join(plain, "a", "b"):  "not a directory",
		filepath.Join(dir, strings.Repeat("x", 300)): "too long",
	} {
		if err := (&Config{Path: path}).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", path, err, want)
		}
	}
	for _, path := range []string{plain, filepath.Join(dir, "new"), filepath.Join(dir, "a", "b", "new")} {
		if err := (&Config{Path: path}).Validate(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
