//go:build unix

package proof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// image is a journal's directory: the contents of its files by their path in it.
type image map[string][]byte

// takeImage reads a directory, as a kill would leave it if nobody writes now. When a
// file goes meanwhile it begins again.
func takeImage(t testing.TB, dir string) image {
	t.Helper()
	for {
		m, err := readImage(dir)
		if err == nil {
			return m
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func readImage(dir string) (image, error) {
	m := make(image)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		m[name], err = os.ReadFile(path)
		return err
	})
	return m, err
}

// write makes the directory dir of m.
func (m image) write(dir string) error {
	for name, data := range m {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o700)
}

// clone returns a copy whose files can be changed.
func (m image) clone() image {
	c := make(image, len(m))
	for name, data := range m {
		c[name] = slices.Clone(data)
	}
	return c
}

func (m image) names() []string { return slices.Sorted(maps.Keys(m)) }

// frame is where a record lies in an image, found by the specification of the format
// alone: this knows nothing of the journal's own code.
type frame struct {
	life    string
	seq     uint64
	file    string
	at, end int // in the file; without padding
	payload string
}

// frames returns the published records of an image, in order within each life.
func (m image) frames(t testing.TB) (all []frame) {
	t.Helper()
	const page, frameHeader = 4096, 32
	for _, name := range m.names() {
		data := m[name]
		if !strings.HasSuffix(name, ".segment") || len(data) < page {
			continue
		}
		word := func(at int) uint64 { return binary.NativeEndian.Uint64(data[at:]) }
		lap, seq := word(7*8), word(9*8)
		for at := page; at+frameHeader <= len(data); {
			w := word(at)
			state, length := w&3, int(w<<32>>34)
			if w>>32 != lap || state == 0 || word(at+16) != seq {
				break
			}
			end := at + frameHeader + length
			if end > len(data) {
				t.Fatalf("%s: the frame at %d goes beyond the end", name, at)
			}
			if state == 2 {
				all = append(all, frame{filepath.Dir(name), seq, name, at, end, string(data[at+frameHeader : end])})
			}
			at, seq = at+frameHeader+(length+7)&^7, seq+1
		}
	}
	slices.SortFunc(all, func(a, b frame) int {
		return strings.Compare(fmt.Sprintf("%s %016x", a.life, a.seq), fmt.Sprintf("%s %016x", b.life, b.seq))
	})
	return all
}

// harmed says of each frame whether now differs from m where the frame was; names are
// those that files of m have now.
func (m image) harmed(now image, names map[string]string, frames []frame) []bool {
	harmed := make([]bool, len(frames))
	for i, f := range frames {
		name := f.file
		if renamed, ok := names[name]; ok {
			name = renamed
		}
		data, ok := now[name]
		harmed[i] = !ok || len(data) < f.end || string(data[f.at:f.end]) != string(m[f.file][f.at:f.end])
	}
	return harmed
}
