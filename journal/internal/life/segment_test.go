package life

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

func TestSegmentsAreInTheOrderOfTheirRecordsWhateverIsDamaged(t *testing.T) {
	edit := func(path string, change func(text []byte) []byte) {
		text, err := os.ReadFile(path)
		ok(t, err)
		ok(t, os.WriteFile(path, change(text), 0o600))
	}
	noHeader := func(path string) {
		edit(path, func(text []byte) []byte { text[88], text[512+88] = ^text[88], ^text[512+88]; return text })
	}
	copyTo := func(l *Life, from, to string) {
		text, err := os.ReadFile(from)
		ok(t, err)
		ok(t, os.WriteFile(filepath.Join(l.Dir, to), text, 0o600))
	}
	for _, test := range []struct {
		name     string
		change   func(l *Life, paths []string) // of segments 0 to 3 with 3 records each
		segments string                        // slot:first-end bytes/40
		problems []string                      // words of each
		lost     int                           // records of the twelve
	}{
		{"whole", func(l *Life, paths []string) {}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", nil, 0},
		{"a header in the middle", func(l *Life, paths []string) { noHeader(paths[1]) },
			"3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", []string{"rebuilt"}, 0},
		{"the first header", func(l *Life, paths []string) { noHeader(paths[0]) },
			"3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", []string{"rebuilt"}, 0},
		{"the last header", func(l *Life, paths []string) { noHeader(paths[3]) },
			"3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", []string{"rebuilt"}, 0},
		{"all headers", func(l *Life, paths []string) {
			for _, p := range paths {
				noHeader(p)
			}
		}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", []string{"rebuilt", "rebuilt", "rebuilt", "rebuilt"}, 0},
		{"one copy of a header", func(l *Life, paths []string) {
			edit(paths[1], func(text []byte) []byte { clear(text[:512]); return text })
			edit(paths[2], func(text []byte) []byte { clear(text[512:1024]); return text })
		}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", nil, 0},
		{"a segment is missing", func(l *Life, paths []string) { ok(t, os.Remove(paths[1])) },
			"3:0-6 3, 1:6-9 3, 0:9-12 3", nil, 3},
		{"nothing but garbage", func(l *Life, paths []string) {
			edit(paths[1], func(text []byte) []byte { return slices.Repeat([]byte{0x55}, len(text)) })
		}, "3:0-6 3, 1:6-9 3, 0:9-12 3", []string{"no record"}, 3},
		{"cut off behind its first record", func(l *Life, paths []string) {
			ok(t, os.Truncate(paths[3], frame.Page+40))
		}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-10 1", []string{"4136 of 5120"}, 2},
		{"emptied", func(l *Life, paths []string) { ok(t, os.Truncate(paths[3], 0)) },
			"3:0-3 3, 2:3-6 3, 1:6-9 3", nil, 3},
		{"prepared ahead", func(l *Life, paths []string) {
			ok(t, os.WriteFile(filepath.Join(l.Dir, "0000000a.segment"), nil, 0o600))
			ok(t, os.WriteFile(filepath.Join(l.Dir, "0000000b.segment"), make([]byte, frame.Page+segmentBytes), 0o600))
		}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", nil, 0},
		{"installed without a record", func(l *Life, paths []string) { putSegment(t, l, 10, 4, 12, 0) },
			"3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3, 10:12-12 0", nil, 0},
		{"given up without a record", func(l *Life, paths []string) {
			putSegment(t, l, 10, 4, 12, 0)
			putSegment(t, l, 11, 5, 12, 3)
		}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3, 11:12-15 3", nil, -3},
		{"a copy", func(l *Life, paths []string) { copyTo(l, paths[1], "0000000c.segment") },
			"3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", []string{"same record, 3"}, 0},
		{"a shortened copy", func(l *Life, paths []string) {
			copyTo(l, paths[1], "00000000.segment")
			copyTo(l, paths[1], "0000000c.segment")
			ok(t, os.Truncate(filepath.Join(l.Dir, "0000000c.segment"), frame.Page+50))
		}, "3:0-3 3, 0:3-6 3, 1:6-9 3", []string{"4146 of 5120", "same record, 3", "same record, 3"}, 3},
		{"a copy of which the end can be read", func(l *Life, paths []string) {
			copyTo(l, paths[1], "0000000c.segment")
			path := filepath.Join(l.Dir, "0000000c.segment")
			noHeader(path)
			edit(path, func(text []byte) []byte { clear(text[frame.Page:][:40]); return text })
		}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", []string{"rebuilt", "same record, 4"}, 0},
		{"another life's", func(l *Life, paths []string) {
			other := create(t, t.TempDir(), began)
			copyTo(l, putSegment(t, other, 12, 4, 12, 3), "0000000c.segment")
		}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", []string{"another journal"}, 0},
		{"names that are none", func(l *Life, paths []string) {
			for _, name := range []string{"000000A0.segment", "00000000.segment~", "0000000d.segment.tmp", "1.segment"} {
				copyTo(l, paths[0], name)
			}
		}, "3:0-3 3, 2:3-6 3, 1:6-9 3, 0:9-12 3", nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			l := create(t, root, began)
			var paths []string
			for i := range 4 {
				paths = append(paths, putSegment(t, l, 3-i, uint64(i), uint64(3*i), 3))
			}
			test.change(l, paths)
			ok(t, l.Release())
			dead, problems := claimAll(t, osFS, root)
			d := dead[0]

			var got []string
			for _, s := range d.Segments {
				var slot int
				fmt.Sscanf(filepath.Base(s.Path), "%08x.segment", &slot)
				got = append(got, fmt.Sprintf("%d:%d-%d %d", slot, s.FirstSeq, s.EndSeq, s.Bytes/40))
				if s.Created != l.Created {
					t.Errorf("segment %d began at %d", slot, s.Created)
				}
			}
			if got := strings.Join(got, ", "); got != test.segments {
				t.Errorf("segments %s, want %s", got, test.segments)
			}
			for i, p := range problems {
				if i >= len(test.problems) || !strings.Contains(p.Error(), test.problems[i]) {
					t.Errorf("problem %v, want %q", p, test.problems)
				}
			}
			if len(problems) != len(test.problems) {
				t.Errorf("%d problems, want %d", len(problems), len(test.problems))
			}
			if got := records(t, d, 0); len(got) != 12-test.lost {
				t.Errorf("records %q, want %d", got, 12-test.lost)
			}
			if n := len(d.Segments); n > 0 && d.Segments[n-1].EndSeq != d.End {
				t.Errorf("the end is %d, and %d", d.Segments[n-1].EndSeq, d.End)
			}
		})
	}
}

func TestSegmentThatCannotBeReadIsDamageAndNoObstacle(t *testing.T) {
	root := t.TempDir()
	l := create(t, root, began)
	for i := range 3 {
		putSegment(t, l, i, uint64(i), uint64(3*i), 3)
	}
	ok(t, l.Release())
	faulty := disktest.New(osFS)
	faulty.Unreadable("00000001.segment", 0, frame.Page)
	faulty.Unreadable("00000002.segment", frame.Page, frame.Page+segmentBytes)
	dead, problems := claimAll(t, faulty, root)
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "rebuilt") {
		t.Errorf("problems: %v", problems)
	}
	if d := dead[0]; len(d.Segments) != 3 || d.Segments[1].FirstSeq != 3 || d.End != 6 {
		t.Errorf("%+v", d)
	}
}

// A page of each segment is enough, and of the last one what End wants.
func TestClaimReadsAPageOfEachSegment(t *testing.T) {
	root := t.TempDir()
	l := create(t, root, began)
	const segments = 50
	for i := range segments {
		putSegment(t, l, i, uint64(i), uint64(3*i), 3)
	}
	ok(t, l.Release())
	faulty := disktest.New(osFS)
	failures := faulty.Unreadable("*.segment", frame.Page, frame.Page+1)
	claimAll(t, faulty, root)
	if n := failures.Count(); n > 4 {
		t.Errorf("%d reads of frames", n)
	}
}

func TestRebuiltHeaderPrecedesNone(t *testing.T) {
	for _, test := range []struct {
		s, next uint64
		want    bool
	}{{0, 1, true}, {4, 5, true}, {4, 6, false}, {5, 4, false}, {frame.Unknown, 0, false}, {0, frame.Unknown, false}} {
		s, next := Segment{}, Segment{}
		s.Ordinal, next.Ordinal = test.s, test.next
		if got := s.precedes(next); got != test.want {
			t.Errorf("%d before %d: %v", test.s, test.next, got)
		}
	}
}
