package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

func records(from, to int) (batch []sink.Record) {
	for n := from; n < to; n++ {
		batch = append(batch, sink.Record{ID: sink.ID{Journal: [16]byte{1}, Seq: uint64(n)}, JSON: fmt.Appendf(nil, `{"level":"INFO","msg":"hello","n":%d}`, n)})
	}
	return batch
}

func text(from, to int) string {
	var b strings.Builder
	for _, r := range records(from, to) {
		fmt.Fprintf(&b, "%s\n", r.JSON)
	}
	return b.String()
}

func open(t *testing.T, c Config) *console {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*console)
}

// temporary returns a new file, and a function that reads it.
func temporary(t *testing.T) (*os.File, func() string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, func() string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func TestFormats(t *testing.T) {
	for format, want := range map[string]string{
		"":     text(0, 2),
		Auto:   text(0, 2),
		JSON:   text(0, 2),
		Pretty: "INFO  hello n=0\nINFO  hello n=1\n",
		Logfmt: "level=INFO msg=hello n=0\nlevel=INFO msg=hello n=1\n",
		"JSON": text(0, 2),
	} {
		f, read := temporary(t)
		if err := open(t, Config{File: f, Format: format}).Write(t.Context(), records(0, 2)); err != nil {
			t.Error(err)
		}
		if got := read(); got != want {
			t.Errorf("format %q: %q, want %q", format, got, want)
		}
	}
	if _, err := New(Config{Format: "xml"}); err == nil || !strings.Contains(err.Error(), "logfmt") {
		t.Errorf("format xml: %v", err)
	}
}

func TestURIs(t *testing.T) {
	for _, uri := range []string{"stdout", "stdout:", "stdout://", "stdout://?format=logfmt", "stderr", "stderr://", "stderr://?format=Logfmt"} {
		o, err := sink.Parse(uri, nil)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		c := o.(*Config)
		if isErr := strings.HasPrefix(uri, "stderr"); isErr != (c.File == os.Stderr) || !isErr && c.File != nil {
			t.Errorf("%s: file %v", uri, c.File)
		}
		if want := map[bool]string{true: Logfmt, false: Auto}[strings.Contains(uri, "=")]; c.Format != want {
			t.Errorf("%s: format %q, want %q", uri, c.Format, want)
		}
		if got := c.Defaults()["linger"]; got != "5ms" {
			t.Errorf("%s: linger %q", uri, got)
		}
	}
	for _, uri := range []string{"stdout://host", "stdout:///path", "stdout:path", "stderr://user@", "stdout://?format=xml", "stdout://?color=1"} {
		if _, err := sink.Parse(uri, nil); err == nil {
			t.Errorf("%s: no error", uri)
		}
	}
}

func TestClosedFileIsToldAtOnce(t *testing.T) {
	f, _ := temporary(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{File: f}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
}

func TestCloseLeavesTheFileOpen(t *testing.T) {
	f, read := temporary(t)
	s := open(t, Config{File: f})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), records(0, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
	if _, err := io.WriteString(f, "still open\n"); err != nil || read() != "still open\n" {
		t.Errorf("%v, %q", err, read())
	}
}

func TestSinksOfOneFileShareItsStreamAsLongAsThereAreAny(t *testing.T) {
	f, _ := temporary(t)
	other, _ := temporary(t)
	a, b, c := open(t, Config{File: f}), open(t, Config{File: f}), open(t, Config{File: other})
	if a.stream != b.stream || a.stream == c.stream {
		t.Errorf("streams %p, %p of one file and %p of another", a.stream, b.stream, c.stream)
	}
	for _, s := range []*console{a, b, c} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if d := open(t, Config{File: f}); d.stream == a.stream {
		t.Error("the stream is kept when its last sink is closed")
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, format := range []string{JSON, Pretty, Logfmt} {
		s, batch := open(t, Config{File: f, Format: format}), records(0, 1000)
		if n := testing.AllocsPerRun(5, func() {
			if err := s.Write(t.Context(), batch); err != nil {
				t.Error(err)
			}
		}); n > 1 {
			t.Errorf("%s: %v allocations for 1000 records", format, n)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for _, format := range []string{JSON, Pretty, Logfmt} {
		b.Run(format, func(b *testing.B) {
			s, err := New(Config{File: f, Format: format})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			batch := records(0, 1000)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Write(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
