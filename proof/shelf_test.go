//go:build unix

package proof

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// shelf is what a file sink, and whoever moves its files away, leave in a directory:
// PATH and the files that it was rotated to.
type shelf struct {
	dir, stem, ext string

	once    bool   // every record is there once; else it may be there again after a kill
	mixed   bool   // several processes wrote at the same time: order holds within each file only
	spared  uint64 // records that may be missing, for it is not the sink that loses them
	missing uint64
	faults  []string
	have    map[producer]map[uint64]bool
	next    map[producer]uint64 // what has to come next at least
	repeats int
	lines   int
	files   int
}

func newShelf(path string) *shelf {
	ext := filepath.Ext(path)
	return &shelf{
		dir: filepath.Dir(path), stem: strings.TrimSuffix(filepath.Base(path), ext), ext: ext,
		once: true, have: make(map[producer]map[uint64]bool), next: make(map[producer]uint64),
	}
}

func (s *shelf) fault(format string, args ...any) {
	if len(s.faults) < 10 {
		s.faults = append(s.faults, fmt.Sprintf(format, args...))
	}
}

// rotated returns the rotated files in the order of their rotation: by stamp, then by
// number. A file that is there plain and compressed is there once.
func (s *shelf) rotated() (names []string) {
	form := regexp.MustCompile(`^` + regexp.QuoteMeta(s.stem) + `-(\d{8}T\d{6}\.\d{3})(?:-(\d+))?` + regexp.QuoteMeta(s.ext) + `(\.gz)?$`)
	type place struct {
		stamp string
		n     int
		name  string
	}
	var places []place
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.fault("%v", err)
	}
	for _, e := range entries {
		m := form.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if m[3] != "" && slices.ContainsFunc(entries, func(o fs.DirEntry) bool { return o.Name()+".gz" == e.Name() }) {
			continue
		}
		n, _ := strconv.Atoi(m[2])
		places = append(places, place{m[1], n, e.Name()})
	}
	slices.SortFunc(places, func(a, b place) int {
		if c := strings.Compare(a.stamp, b.stamp); c != 0 {
			return c
		}
		return a.n - b.n
	})
	for _, p := range places {
		names = append(names, p.name)
	}
	return names
}

// path returns the path of the file that is written to.
func (s *shelf) path() string { return filepath.Join(s.dir, s.stem+s.ext) }

// readAll reads the rotated files and the one that is written to.
func (s *shelf) readAll() {
	for _, name := range s.rotated() {
		s.read(filepath.Join(s.dir, name))
	}
	s.read(s.path())
}

// read takes the lines of a file, compressed or not.
func (s *shelf) read(path string) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.fault("%v", err)
		return
	}
	defer f.Close()
	s.files++
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			s.fault("%s: %v", path, err)
			return
		}
	}
	s.take(path, bufio.NewReaderSize(r, 1<<16))
}

func (s *shelf) take(path string, in *bufio.Reader) {
	if s.mixed {
		clear(s.next)
	}
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return
		case err != nil:
			s.fault("%s, line %d: %v after %.60q", path, n, err, line)
			return
		}
		s.line(fmt.Sprintf("%s, line %d", path, n), line[:len(line)-1])
	}
}

func (s *shelf) line(where string, line []byte) {
	var head struct {
		Time  time.Time
		Level slog.Level
	}
	if err := json.Unmarshal(line, &head); err != nil {
		s.fault("%s: %v in %.100q", where, err, line)
		return
	}
	p, n, ok := recognise(sink.Record{Time: head.Time, Level: head.Level, JSON: line})
	if !ok {
		s.fault("%s: nobody logged %.100q", where, line)
		return
	}
	s.lines++
	if s.have[p] == nil {
		s.have[p] = make(map[uint64]bool)
	}
	if s.have[p][n] {
		s.repeats++
		if s.once {
			s.fault("%s: record %d of producer %d once more", where, n, p)
		}
	} else if n < s.next[p] {
		s.fault("%s: record %d of producer %d after a later one", where, n, p)
	}
	s.have[p][n] = true
	s.next[p] = max(s.next[p], n+1)
}

// holds checks that all records of a producer are there.
func (s *shelf) holds(p producer, records uint64) {
	for n := uint64(0); n < records; n++ {
		first := n
		for n < records && !s.have[p][n] {
			n++
		}
		if s.missing += n - first; n > first && s.missing > s.spared {
			s.fault("records %d to %d of producer %d, of %d, are missing", first, n-1, p, records)
		}
	}
}

// check reports what was found.
func (s *shelf) check(t *testing.T) {
	t.Helper()
	t.Logf("%d lines in %d files, %d of them again, %d missing", s.lines, s.files, s.repeats, s.missing)
	for _, f := range s.faults {
		t.Error(f)
	}
}
