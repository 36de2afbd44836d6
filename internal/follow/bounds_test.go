package follow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reuse has the Follower believe that the file of a name has the inode that another one,
// which it knows, had.
func (r *rig) reuse(of identity, name string) {
	r.t.Helper()
	id, _, err := look(r.path(name))
	if err != nil {
		r.t.Fatal(err)
	}
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	g := r.f.known[of]
	if g == nil {
		r.t.Fatal("the file is not known any more")
	}
	delete(r.f.known, of)
	g.id = id
	r.f.known[id] = g
}

func TestNewFileOnAReusedInodeIsReadWhateverItBeginsWith(t *testing.T) {
	needLinux(t)
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "started\n")
	r.step()
	id, _, err := look(r.path("a.log"))
	if err != nil {
		t.Fatal(err)
	}
	r.rename("a.log", "a.log.1")
	r.write("a.log", "2\n")
	r.step()
	r.later(time.Minute) // the first one is finished
	r.rename("a.log", "a.log.2")
	r.remove("a.log.1")
	r.write("a.log", "started\n3\n")
	r.reuse(id, "a.log")
	r.step()
	r.later(time.Minute)
	r.want("started", "2", "started", "3")
	if s := r.f.Summary(); !s.Whole() || s.Truncated != 0 || s.Files != 3 {
		t.Errorf("%+v: %q", s, r.told)
	}
}

func TestFileThatALookHasFoundBeforeItsEventIsNotReadAgain(t *testing.T) {
	needLinux(t)
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "1\n")
	id, _, err := look(r.path("a.log"))
	if err != nil {
		t.Fatal(err)
	}
	s := r.f.all()[0]
	if taken, err := r.f.take(s, s.path, id, asNewest, r.now); !taken || err != nil {
		t.Fatal(taken, err)
	}
	r.read()
	r.f.retire(s, r.f.oldest(s), false) // as when many newer ones wait
	r.step()
	r.write("a.log", "2\n")
	r.step()
	r.want("1", "2")
}

func TestFinishedFileThatIsLinkedIsNotReadAgain(t *testing.T) {
	needLinux(t)
	r := newRig(t)
	r.begin(true, Config{}, "a.log", "b*.log")
	r.write("a.log", "1\n")
	r.step()
	r.rename("a.log", "a.log.1")
	r.write("a.log", "2\n")
	r.step()
	r.later(time.Minute)
	if err := os.Link(r.path("a.log.1"), r.path("b.log")); err != nil {
		t.Skip(err)
	}
	r.step()
	r.later(time.Minute)
	r.want("1", "2")
}

func TestCompressedFilesThatMatchAPatternAreLeftAloneAndToldOnce(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.write("0.log.gz", "\x1f\x8b\n")
		r.begin(watched, Config{FromStart: true}, "*", "named.gz")
		r.write("a.log", "1\n")
		r.step()
		for _, name := range []string{"a.log.gz", "b.zst", "c.log.1.xz"} {
			r.write(name, "garbage\n")
		}
		r.write("named.gz", "not\n")
		r.step()
		r.later(time.Minute)
		r.want("1", "named.gz:not")
		want := "0.log.gz: matches " + r.path("*") + " and is compressed: such files are not read"
		if n := strings.Count(strings.Join(r.told, "\n"), "is compressed"); n != 1 || r.told[0] != want {
			t.Errorf("told %q, want %q once", r.told, want)
		}
		if s := r.f.Summary(); !s.Whole() {
			t.Errorf("%+v", s)
		}
	})
}

func TestWantOfDescriptorsIsToldOnceForAllFiles(t *testing.T) {
	needLinux(t)
	r := newRig(t)
	r.begin(false, Config{})
	none := &os.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}
	for i := range 100 {
		r.f.trouble(opening, fmt.Sprintf("%02d.log", i), none)
	}
	r.step()
	r.step()
	if len(r.told) != 1 || !strings.HasPrefix(r.told[0], "00.log: opening: too many open files; 100 files are not read; raise the limit") {
		t.Errorf("told %q", r.told)
	}
	if s := r.f.Summary(); s.Failing != 100 || s.Whole() {
		t.Errorf("%+v, want 100 that fail", s)
	}
	for i := range 100 {
		r.f.trouble(opening, fmt.Sprintf("%02d.log", i), nil)
		r.step()
	}
	if len(r.told) != 2 || r.told[1] != "00.log: opening works again" || r.f.Summary().Failing != 0 {
		t.Errorf("told %q", r.told)
	}
}

func TestOldFileThatIsStillWrittenIsFinishedWhenManyWait(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.begin(watched, Config{}, "a.log")
		r.write("a.log", "0\n")
		r.step()
		var newer []string
		for i := range hurried {
			r.rename("a.log", fmt.Sprintf("a.log-%08d", i))
			r.write("a.log", fmt.Sprintln(i+1))
			newer = append(newer, fmt.Sprint(i+1))
			r.write("a.log-00000000", "more\n")
			at := r.now.Add(time.Duration(i-hurried) * time.Hour) // the order, and that of the first is not old
			if err := os.Chtimes(r.path("a.log"), at, at); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(r.path("a.log-00000000"), r.now, r.now); err != nil {
				t.Fatal(err)
			}
			if i == hurried-1 {
				break
			}
			r.step()
		}
		want := []string{"0"}
		for range hurried - 1 {
			want = append(want, "more")
		}
		r.want(want...)
		r.step()
		r.want(append(append(want, "more"), newer...)...)
	})
}

func TestFilesBehindOneThatIsLeftAreLeftToo(t *testing.T) {
	r := newRig(t)
	store, err := OpenStore(r.path("positions"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := Config{Store: store, Patterns: []string{r.path("a.log")}}
	c.Lines = func(path string) Lines { return cancelling{&splitter{rig: r, name: filepath.Base(path)}, cancel} }
	r.hold = 1
	r.f = newFollower(c, newWatch())
	r.step()
	r.write("a.log", "1\n2\n"+strings.Repeat("x", 2*chunkBytes)+"\n")
	r.rename("a.log", "a.log.1")
	r.write("a.log", "3\n")
	if err := r.f.Finish(ctx, nil); err != nil {
		t.Fatal(err)
	}
	r.f.Close(false)
	r.want("1") // "2" is held: what follows it is not known
	r.hold = 0
	r.again(true, "a.log")
	r.later(time.Minute)
	r.want("1", "2", strings.Repeat("x", 2*chunkBytes), "3")
}

// cancelling is Lines after whose first bytes nobody waits for more.
type cancelling struct {
	*splitter
	cancel func()
}

func (c cancelling) Write(piece []byte) error {
	c.cancel()
	return c.splitter.Write(piece)
}

func TestCoversFindsTheFileUnderEveryName(t *testing.T) {
	r := newRig(t)
	if err := os.MkdirAll(r.path("d"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.write("d/a.log", "")
	if err := os.Symlink("d", r.path("link")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("d/a.log", r.path("other")); err != nil {
		t.Skip(err)
	}
	t.Chdir(r.dir)
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"d/a.log", "d/a.log", true},
		{"d/a.log", r.path("d/../d/a.log"), true},
		{"d/a.log", "link/a.log", true},
		{"other", "d/a.log", true},
		{"oth*", "d/a.log", true},
		{"d/*.log", "d/new.log", true},
		{"d/*.log", "link/new.log", true},
		{"*/*.log", "d/new.log", true},
		{"none/*.log", "none/new.log", true},
		{r.path("none") + "/*.log", "none/new.log", true},
		{"d/*", "d/new.log.gz", false},
		{"d/*.log", "d/new.txt", false},
		{"d/*.log", "new.log", false},
		{"d/b.log", "d/a.log", false},
	} {
		if got := Covers([]string{"unrelated", c.pattern}, c.path); got != c.want {
			t.Errorf("%s covers %s: %v, want %v", c.pattern, c.path, got, c.want)
		}
	}
}
