package follow

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// again begins with the positions that are kept in the rig's directory.
func (r *rig) again(watched bool, patterns ...string) {
	r.t.Helper()
	store, err := OpenStore(r.path("positions"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.begin(watched, Config{Store: store}, patterns...)
}

func TestFollowingGoesOnWhereItStopped(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.again(watched, "a.log")
		r.write("a.log", "1\n2\nhalf")
		r.step()
		r.stop()
		r.want("1", "2")
		r.write("a.log", " a line\n3\n")
		r.again(watched, "a.log")
		r.want("1", "2", "half a line", "3")
		r.stop()
		r.again(watched, "a.log")
		r.want("1", "2", "half a line", "3")
	})
}

func TestWhatWasWrittenBeforeTheEndIsReadAtTheEnd(t *testing.T) {
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "1\n")
	r.rename("a.log", "a.log.1")
	r.write("a.log", "2\nhalf")
	r.stop()
	r.want("1", "2", "half") // nobody would know of it later
}

func TestFilesRotatedMeanwhileAreReadFirst(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.write("a.log.1", "before\n")
		r.again(watched, "a.log")
		r.write("a.log", "1\n")
		r.step()
		r.stop()
		r.write("a.log", "2\n")
		for i, line := range []string{"3", "4"} {
			for j := 2 + i; j > 0; j-- {
				if _, err := os.Stat(r.path(fmt.Sprintf("a.log.%d", j))); err == nil {
					r.rename(fmt.Sprintf("a.log.%d", j), fmt.Sprintf("a.log.%d", j+1))
				}
			}
			r.rename("a.log", "a.log.1")
			r.write("a.log", line+"\n")
			at := time.Now().Add(time.Duration(i+1) * time.Second)
			if err := os.Chtimes(r.path("a.log"), at, at); err != nil {
				t.Fatal(err)
			}
		}
		r.again(watched, "a.log")
		r.later(time.Minute)
		r.want("1", "2", "3", "4")
		if s := r.f.Summary(); !s.Whole() {
			t.Errorf("%+v: %q", s, r.told)
		}
	})
}

func TestFileRotatedMeanwhileToAnyNameIsFoundInItsDirectory(t *testing.T) {
	r := newRig(t)
	r.again(true, "a.log")
	r.write("a.log", "1\n")
	r.step()
	r.stop()
	r.write("a.log", "2\n")
	r.rename("a.log", "archived")
	r.write("a.log", "3\n")
	r.again(true, "a.log")
	r.later(time.Minute)
	r.want("1", "2", "3")
}

func TestWhatIsReadTwiceAfterAKillIsWhatWasNotKept(t *testing.T) {
	r := newRig(t)
	r.again(true, "a.log")
	r.write("a.log", "1\n")
	r.step() // keeps where the file begins, or what was read
	r.later(2 * saving)
	r.write("a.log", "2\n3\n")
	r.later(saving / 4)
	r.want("1", "2", "3")
	r.killed()
	r.write("a.log", "4\n")
	r.again(true, "a.log")
	r.want("1", "2", "3", "2", "3", "4")
}

func TestLineThatWasNotAcceptedComesAgain(t *testing.T) {
	r := newRig(t)
	r.again(true, "a.log")
	r.write("a.log", "1\n")
	r.step()
	r.fail = errors.New("closed")
	r.write("a.log", "2\n")
	r.later(2 * saving)
	if err := r.f.Finish(t.Context(), r.fail); !errors.Is(err, r.fail) {
		t.Fatal(err)
	}
	r.f.Close(false)
	r.fail = nil
	r.want("1")
	r.again(true, "a.log")
	r.want("1", "2")
}

func TestHeldLinesAreNotLostWithAKill(t *testing.T) {
	r := newRig(t)
	r.hold = 2
	r.again(true, "a.log")
	r.write("a.log", "1\n2\n3\n")
	r.later(2 * saving)
	r.later(2 * saving)
	r.want("1", "2")
	r.killed()
	r.again(true, "a.log")
	r.stop()
	r.want("1", "2", "3")
}

func TestFileTruncatedMeanwhileIsReadFromItsStart(t *testing.T) {
	r := newRig(t)
	r.again(true, "a.log")
	r.write("a.log", "1\n")
	r.step()
	r.stop()
	r.copy("a.log", "a.log.1")
	r.truncate("a.log")
	r.write("a.log", "2\n3\n")
	r.again(true, "a.log")
	r.later(time.Minute)
	r.want("1", "2", "3")
	if s := r.f.Summary(); s.Truncated != 1 {
		t.Errorf("%+v", s)
	}
}

func TestFileThatIsGoneUnfinishedIsTold(t *testing.T) {
	r := newRig(t)
	r.again(true, "a.log")
	r.write("a.log", "1\n")
	r.step()
	r.stop()
	r.write("hold", "") // so that the inode is not given to the next file
	r.remove("a.log")
	r.write("b", "")
	r.write("a.log", "2\n")
	r.again(true, "a.log")
	for range absences + 2 {
		r.later(time.Second)
	}
	r.want("1", "2")
	if s := r.f.Summary(); s.MissedFiles+s.Truncated != 1 { // truncated: the inode was given to it all the same
		t.Errorf("%+v: %q", s, r.told)
	}
}

func TestCompressedFileIsMissedUnlessItHadBeenRead(t *testing.T) {
	for name, c := range map[string]struct {
		more   string
		missed uint64
	}{"read": {"", 0}, "not read": {"2\n", 1}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.again(true, "a.log")
			r.write("a.log", "1\n")
			r.step()
			r.later(time.Second)
			r.stop()
			if c.more != "" {
				r.write("a.log", c.more)
				later := time.Now().Add(time.Second)
				if err := os.Chtimes(r.path("a.log"), later, later); err != nil {
					t.Fatal(err)
				}
			}
			info, err := os.Stat(r.path("a.log"))
			if err != nil {
				t.Fatal(err)
			}
			r.write("a.log.1.gz", "\x1f\x8b")
			if err := os.Chtimes(r.path("a.log.1.gz"), info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
			r.rename("a.log", "elsewhere") // the inode stays in use
			if err := os.Rename(r.path("elsewhere"), t.TempDir()+"/a"); err != nil {
				t.Fatal(err)
			}
			r.write("a.log", "3\n")
			r.now = time.Now()
			r.again(true, "a.log")
			for range absences + 2 {
				r.later(time.Second)
			}
			r.want("1", "3")
			if n := r.f.Summary().MissedFiles; c.missed == 0 && n != 0 || c.missed > 0 && n == 0 {
				t.Errorf("%d missed, want %d: %q", n, c.missed, r.told)
			}
		})
	}
}

func TestDamagedPositionsAreToldAndEverythingIsReadAgain(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"torn":    func(b []byte) []byte { return b[:len(b)/2] },
		"empty":   func([]byte) []byte { return nil },
		"short":   func(b []byte) []byte { return b[:len(family)/2] },
		"garbage": func([]byte) []byte { return []byte(family + strings.Repeat("garbage\n", 100)) },
		"flipped": func(b []byte) []byte { b[len(b)-20] ^= 1; return b },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.again(true, "a.log")
			r.write("a.log", "1\n")
			r.step()
			r.rename("a.log", "a.log.1")
			r.write("a.log", "2\n")
			r.step()
			r.later(time.Minute)
			r.stop()
			b, err := os.ReadFile(r.path("positions"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(r.path("positions"), damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			r.told = nil
			r.again(true, "a.log")
			r.later(time.Minute)
			r.want("1", "2", "1", "2")
			if len(r.told) != 1 || !strings.Contains(r.told[0], "damaged") {
				t.Errorf("told %q", r.told)
			}
		})
	}
}

func TestSecondStoreOfOneFileIsRefused(t *testing.T) {
	path := t.TempDir() + "/d/positions"
	s, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(path); !errors.Is(err, ErrInUse) {
		t.Errorf("the second one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = OpenStore(path); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
}

func TestStoreNameIsOneForTheSamePatterns(t *testing.T) {
	a, _ := StoreName([]string{"/a", "/b"})
	b, _ := StoreName([]string{"/b", "/x/../a", "/a"})
	c, _ := StoreName([]string{"/a"})
	if a != b || a == c {
		t.Errorf("%s, %s and %s", a, b, c)
	}
}

// beside begins with the positions that are kept for these patterns in a directory for all.
func (r *rig) beside(patterns ...string) {
	r.t.Helper()
	name, err := StoreName(patterns)
	if err != nil {
		r.t.Fatal(err)
	}
	store, err := OpenStore(r.path("tail/" + name))
	if err != nil {
		r.t.Fatal(err)
	}
	store.Beside()
	r.now = time.Now() // as Finish has it: the latest positions are known by it
	r.begin(true, Config{Store: store}, patterns...)
}

func TestFileThatIsFollowedWithOthersNowGoesOnWhereItStopped(t *testing.T) {
	r := newRig(t)
	r.write("b.log", "old\n")
	r.beside("a.log")
	r.write("a.log", "1\n")
	r.step()
	r.stop()
	r.write("a.log", "2\n")
	r.beside("a.log", "b.log")
	r.write("b.log", "x\n")
	r.step()
	r.stop()
	r.want("1", "2", "b.log:x")

	r.write("a.log", "3\n")
	r.beside("a.log", "b.log", "c.log") // the latest positions of a.log count
	r.stop()
	r.want("1", "2", "b.log:x", "3")
	r.write("d.log", "y\n")
	r.beside("[ad].log") // a pattern that nobody has followed
	r.stop()
	r.want("1", "2", "b.log:x", "3")
	r.write("a.log", "4\n")
	r.write("e.log", "new\n")
	r.write("d.log", "z\n")
	r.beside("[ad].log", "[e].log")
	r.stop()
	r.want("1", "2", "b.log:x", "3", "4", "d.log:z")
}

func TestPositionsOfItsOwnCountBeforeThoseBeside(t *testing.T) {
	r := newRig(t)
	r.beside("a.log")
	r.write("a.log", "1\n")
	r.step()
	r.stop()
	r.write("a.log", "2\n")
	r.beside("a.log", "b.log")
	r.stop()
	r.want("1", "2")
	r.beside("a.log") // whose sinks may be others: it has not read the second line
	r.want("1", "2", "2")
}

func TestPositionsAreNotKeptWhileTheLinesAreNotSafe(t *testing.T) {
	r := newRig(t)
	store, err := OpenStore(r.path("positions"))
	if err != nil {
		t.Fatal(err)
	}
	safe := true
	r.begin(true, Config{Store: store, Durable: func() bool { return safe }}, "a.log")
	r.write("a.log", "1\n")
	r.later(2 * saving)
	r.later(2 * saving)
	safe = false
	r.write("a.log", "2\n")
	r.later(2 * saving)
	r.stop()
	r.again(true, "a.log")
	r.want("1", "2", "2")
}

// Whatever a file of positions holds, it is positions or an error.
func FuzzPositions(f *testing.F) {
	b, err := positions{Streams: []savedPath{{Path: "/a", Files: []saved{{Name: "a", Position: 3, Read: 4}}}}}.bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Add([]byte(magic + "\n{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePositions(b)
		if err != nil {
			return
		}
		again, err := p.bytes()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parsePositions(again); err != nil {
			t.Errorf("%q: %v", again, err)
		}
	})
}
