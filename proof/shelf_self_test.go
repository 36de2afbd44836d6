//go:build unix

package proof

import (
	"bytes"
	"compress/gzip"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A shelf is of use only if it finds what is wrong.
func TestShelfFindsWhatIsWrong(t *testing.T) {
	p := producerOf(1, 0)
	var text bytes.Buffer
	h := slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})
	for n := range uint64(6) {
		r, _ := p.record(n, nil)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.SplitAfter(text.String(), "\n")[:6]
	whole := []string{strings.Join(lines[:3], ""), strings.Join(lines[3:], "")}
	for name, test := range map[string]struct {
		files []string // the older first, which is compressed
		fault string   // "": there is none
	}{
		"all is there":       {whole, ""},
		"a line is missing":  {[]string{whole[0], lines[4] + lines[5]}, "records 3 to 3 of producer"},
		"the end is missing": {[]string{whole[0], lines[3]}, "records 4 to 5 of producer"},
		"a line is doubled":  {[]string{whole[0], lines[2] + whole[1]}, "once more"},
		"files are swapped":  {[]string{whole[1], whole[0]}, "after a later one"},
		"a line is torn":     {[]string{whole[0], lines[3] + lines[4][:30] + lines[5]}, "invalid character"},
		"the end is torn":    {[]string{whole[0], whole[1][:len(whole[1])-9]}, "EOF after"},
		"a line is changed":  {[]string{whole[0], strings.Replace(whole[1], `"n":4`, `"n":3`, 1)}, "nobody logged"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(filepath.Join(t.TempDir(), "app.jsonl"))
			var zipped bytes.Buffer
			w := gzip.NewWriter(&zipped)
			_, _ = w.Write([]byte(test.files[0])) // into memory
			_ = w.Close()
			for name, content := range map[string][]byte{"app-20260101T000000.000.jsonl.gz": zipped.Bytes(), "app.jsonl": []byte(test.files[1])} {
				if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.readAll()
			s.holds(p, 6)
			if test.fault == "" && len(s.faults) > 0 || test.fault != "" && !slices.ContainsFunc(s.faults, func(f string) bool { return strings.Contains(f, test.fault) }) {
				t.Errorf("found %q, want %q", s.faults, test.fault)
			}
		})
	}
	t.Run("a compressed file is cut", func(t *testing.T) {
		s := newShelf(filepath.Join(t.TempDir(), "app.jsonl"))
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		_, _ = w.Write([]byte(whole[0])) // into memory
		_ = w.Close()
		if err := os.WriteFile(filepath.Join(s.dir, "app-20260101T000000.000.jsonl.gz"), zipped.Bytes()[:zipped.Len()-5], 0o600); err != nil {
			t.Fatal(err)
		}
		if s.readAll(); len(s.faults) == 0 {
			t.Error("nothing is found")
		}
	})
}
