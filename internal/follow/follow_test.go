package follow

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFileThatIsThereIsReadFromItsEnd(t *testing.T) {
	r := newRig(t)
	r.write("a.log", "old\nhalf")
	r.begin(true, Config{}, "a.log")
	r.write("a.log", " a line\nnew\n")
	r.step()
	r.want("half a line", "new")
}

func TestFileThatIsThereIsReadFromItsStartIfAsked(t *testing.T) {
	r := newRig(t)
	r.write("a.log.1", "older\n")
	r.write("a.log", "old\n")
	r.begin(true, Config{FromStart: true}, "a.log")
	r.write("a.log", "new\n")
	r.step()
	r.want("old", "new")
}

func TestFileThatAppearsLaterIsReadFromItsStart(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.begin(watched, Config{}, "a.log", "b*.log")
		r.write("a.log", "1\n")
		r.write("b1.log", "x\n")
		r.write("b2.txt", "no\n")
		r.step()
		r.want("1", "b1.log:x")
		if want := []string{"b*.log: matches no file yet; waiting for one", "a.log: does not exist; waiting for it"}; !slices.Equal(r.told, want) {
			t.Errorf("told %q, want %q", r.told, want)
		}
	})
}

func TestOldFileIsReadToItsEndBeforeTheNewOne(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.begin(watched, Config{}, "a.log")
		r.write("a.log", "1\n2\n")
		r.step()
		r.write("a.log", "3\n")
		r.rename("a.log", "a.log.1")
		r.write("a.log", "5\n")
		r.step()
		r.want("1", "2", "3")
		r.write("a.log.1", "4\n") // its writer has not noticed yet
		r.later(settling / 2)
		r.want("1", "2", "3", "4")
		r.later(settling + time.Second)
		r.want("1", "2", "3", "4", "5")
	})
}

func TestOldFileIsNotFinishedWhileTheNewOneIsEmpty(t *testing.T) {
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "1\n")
	r.step()
	r.rename("a.log", "a.log.1")
	r.write("a.log", "") // as logrotate's create does
	r.later(time.Minute)
	r.write("a.log.1", "2\n")
	r.later(time.Minute)
	r.write("a.log", "3\n")
	r.step()
	r.later(time.Minute)
	r.want("1", "2", "3")
}

func TestLastLineOfAFinishedFileNeedsNoEnd(t *testing.T) {
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "1\n2")
	r.step()
	r.want("1")
	r.rename("a.log", "a.log.1")
	r.write("a.log", "3\n")
	r.step()
	r.later(time.Minute)
	r.want("1", "2", "3")
}

func TestFilesRotatedBetweenTwoLooksAreReadInOrder(t *testing.T) {
	shift := func(r *rig, n int) {
		for i := n; i > 0; i-- {
			r.rename(fmt.Sprintf("a.log.%d", i), fmt.Sprintf("a.log.%d", i+1))
		}
		r.rename("a.log", "a.log.1")
	}
	for name, rotate := range map[string]func(r *rig, n int){
		"all are counted up":     shift,
		"the last gets a number": func(r *rig, n int) { r.rename("a.log", fmt.Sprintf("a.log.%d", n+1)) },
		"the last gets a time": func(r *rig, n int) {
			r.rename("a.log", fmt.Sprintf("a-20260102T1504%02d.%03d.log", n/60, n))
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, r *rig, watched bool) {
				r.begin(watched, Config{}, "a.log")
				var want []string
				for i := range 100 {
					if i > 0 {
						rotate(r, i-1)
					}
					r.write("a.log", fmt.Sprintln(i))
					want = append(want, fmt.Sprint(i))
					if !watched { // the order is told by the files' times
						at := r.now.Add(time.Duration(i-1000) * time.Second)
						if err := os.Chtimes(r.path("a.log"), at, at); err != nil {
							t.Fatal(err)
						}
					}
				}
				r.step()
				r.later(time.Minute)
				r.want(want...)
			})
		})
	}
}

func TestFilesRenamedToAnythingBetweenTwoLooksAreRead(t *testing.T) {
	needLinux(t)
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	for i := range 5 {
		r.write("a.log", fmt.Sprintln(i))
		r.rename("a.log", string(rune('p'+i)))
	}
	r.step()
	r.later(time.Minute)
	r.later(10 * time.Minute)
	r.want("0", "1", "2", "3", "4")
}

func TestFileThatIsGoneBeforeItIsOpenedIsTold(t *testing.T) {
	needLinux(t)
	for name, lose := range map[string]func(r *rig){
		"removed":       func(r *rig) { r.remove("a.log") },
		"replaced":      func(r *rig) { r.write("tmp", "2\n"); r.rename("tmp", "a.log") },
		"moved away":    func(r *rig) { _ = os.Rename(r.path("a.log"), filepath.Join(r.t.TempDir(), "x")) },
		"pushed out":    func(r *rig) { r.rename("a.log", "a.log.1"); r.write("a.log", "2\n"); r.rename("a.log", "a.log.1") },
		"renamed first": func(r *rig) { r.rename("a.log", "a.log.1"); r.remove("a.log.1") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.begin(true, Config{}, "a.log")
			r.write("a.log", "1\n")
			lose(r)
			r.step()
			time.Sleep(transit) // so long what has left may still come
			r.later(time.Minute)
			r.later(time.Minute)
			if n := r.f.Summary().MissedFiles; n != 1 {
				t.Errorf("%d files were missed, want 1; told %q", n, r.told)
			}
		})
	}
}

func TestTruncatedFileIsReadFromItsStartAndCounted(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		unread        uint64
	}{
		"shorter":             {"1\n2\n", "3\n", 0},
		"as long":             {"1\n2\n", "3\n4\n", 0},
		"longer":              {"1\n2\n", "3\n4\n5\n", 0},
		"empty":               {"1\n2\n", "", 0},
		"with the same start": {strings.Repeat("x", 2000) + "\n1\n", strings.Repeat("x", 2000) + "\n2\n3\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.begin(false, Config{}, "a.log")
			r.write("a.log", c.before)
			r.step()
			r.copy("a.log", "a.log.1")
			r.truncate("a.log")
			r.write("a.log", c.after)
			touched := time.Now().Add(time.Minute) // or it may be the same tick
			if err := os.Chtimes(r.path("a.log"), touched, touched); err != nil {
				t.Fatal(err)
			}
			r.step()
			r.later(time.Minute)
			r.want(strings.Fields(c.before + c.after)...)
			if s := r.f.Summary(); s.Truncated != 1 || s.UnreadBytes != c.unread || s.MissedFiles != 0 {
				t.Errorf("%+v; want one truncation", s)
			}
			if len(r.told) != 2 || !strings.Contains(r.told[1], "truncated after 4 bytes") && !strings.Contains(r.told[1], "truncated after 2003 bytes") {
				t.Errorf("told %q", r.told)
			}
		})
	}
}

func TestCopiesOfTruncatedFilesAreNotRead(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.begin(watched, Config{}, "a.log")
		r.write("a.log", "1\n")
		r.step()
		r.copy("a.log", "a.log.1")
		r.truncate("a.log")
		r.write("a.log", "22\n")
		r.step()
		r.copy("a.log", "a.log.2")
		r.truncate("a.log")
		r.write("a.log", "333\n")
		if !watched { // then the truncation has to be seen first
			r.step()
		}
		r.rename("a.log", "a.log.3") // and by renaming as well
		r.write("a.log", "4444\n")
		r.step()
		r.later(time.Minute)
		r.want("1", "22", "333", "4444")
	})
}

func TestHoleThatAWriterLeavesAfterATruncationIsPassedOver(t *testing.T) {
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	f, err := os.Create(r.path("a.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintln(f, strings.Repeat("x", 300_000))
	r.step()
	r.truncate("a.log")
	fmt.Fprintln(f, "1") // where it would have been
	r.step()
	r.want(strings.Repeat("x", 300_000), "1")
	fmt.Fprintln(f, "\x002")
	r.step()
	r.want(strings.Repeat("x", 300_000), "1", "\x002")
}

func TestFileOnAReusedInodeIsAnotherFile(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.begin(watched, Config{}, "a.log")
		var want []string
		for i := range 20 { // many file systems give the inode that was freed last
			r.write("a.log", fmt.Sprintln(i))
			want = append(want, fmt.Sprint(i))
			r.step()
			r.later(10 * time.Minute)
			r.remove("a.log")
			r.later(10 * time.Minute) // now it is closed
			r.later(10 * time.Minute)
		}
		r.want(want...)
	})
}

func TestFileThatGrowsAfterItWasFinishedIsReadOn(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.begin(watched, Config{}, "a.log")
		r.write("a.log", "1\n")
		r.step()
		r.rename("a.log", "a.log.1")
		r.write("a.log", "2\n")
		r.step()
		r.later(time.Minute)
		r.want("1", "2")
		r.write("a.log.1", "late\n")
		r.write("a.log", "3\n")
		r.later(time.Minute)
		r.later(time.Minute)
		r.want("1", "2", "late", "3")
	})
}

func TestRemovedFileIsReadOnWhileItsWriterHasIt(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.begin(watched, Config{}, "a.log")
		f, err := os.Create(r.path("a.log"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fmt.Fprintln(f, "1")
		r.step()
		r.remove("a.log")
		fmt.Fprintln(f, "2")
		r.later(time.Second)
		fmt.Fprintln(f, "3")
		r.later(time.Minute)
		r.write("a.log", "4\n")
		r.later(time.Minute)
		r.later(time.Minute)
		r.want("1", "2", "3", "4")
	})
}

func TestSymbolicLinkIsFollowedFromTargetToTarget(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		link := func(to string) {
			t.Helper()
			if err := os.Symlink(to, r.path("tmp")); err != nil {
				t.Skip(err)
			}
			r.rename("tmp", "a.log")
		}
		r.write("one", "1\n")
		r.write("two", "3\n")
		link("one")
		r.begin(watched, Config{FromStart: true}, "a.log")
		link("two")
		r.write("one", "2\n")
		r.step()
		r.later(time.Minute)
		r.want("1", "2", "3")
		link("one")
		r.step()
		r.write("one", "4\n")
		r.later(time.Minute)
		r.want("1", "2", "3", "4")
		link("two")
		r.write("two", "5\n")
		r.later(time.Minute)
		r.later(time.Minute)
		r.want("1", "2", "3", "4", "5")
	})
}

func TestPatternThatMatchesNothingIsToldOnce(t *testing.T) {
	r := newRig(t)
	r.write("d.log.gz", "")
	r.begin(true, Config{}, "a*.log", "b*.log", "d*")
	r.later(time.Minute)
	const what = "matches no file yet; waiting for one"
	told := slices.DeleteFunc(slices.Clone(r.told), func(s string) bool { return !strings.Contains(s, what) })
	if want := []string{"a*.log: " + what, "b*.log: " + what, "d*: " + what}; !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
	r.write("a.log", "1\n")
	r.step()
	r.want("1")
}

func TestFileOfExactlyTheNameIsMeant(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("names have none of these characters")
	}
	names := []string{"app[1].log", "[x.log"}
	r := newRig(t)
	for _, name := range append(names, "app1.log") {
		r.write(name, "old\n")
	}
	for _, name := range names {
		if err := Check(r.path(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if Covers([]string{r.path(name)}, r.path("app1.log")) || !Covers([]string{r.path(name)}, r.path(name)) {
			t.Errorf("%s covers another file, or not itself", name)
		}
	}
	for _, pattern := range []string{"*.log", "app?.log"} { // which find such a file beside others
		r.write(pattern, "")
		if !Covers([]string{r.path(pattern)}, r.path("app1.log")) {
			t.Errorf("%s is a name only", pattern)
		}
	}
	r.begin(true, Config{}, names...)
	var want []string
	for _, name := range append(names, "app1.log") {
		r.write(name, "1\n")
		r.step()
		want = append(want, name+":1")
	}
	r.want(want[:len(names)]...)
	r.remove(names[0])
	r.later(time.Second)
	r.later(time.Second)
	if !slices.Contains(r.told, names[0]+": does not exist; waiting for it") {
		t.Errorf("told %q", r.told)
	}
}

func TestFileThatTheLinesGoToIsNotRead(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.write("all.tmp", "written\n")
		output, err := os.Stat(r.path("all.tmp"))
		if err != nil {
			t.Fatal(err)
		}
		r.begin(watched, Config{Outputs: []fs.FileInfo{output}}, "*.log")
		r.rename("all.tmp", "all.log")
		r.write("a.log", "1\n")
		r.step()
		r.write("all.log", "written again\n")
		r.later(time.Second)
		r.later(time.Second)
		r.want("1")
		told := slices.DeleteFunc(slices.Clone(r.told), func(s string) bool { return !strings.Contains(s, "where a sink writes") })
		if len(told) != 1 || r.f.Summary().Whole() {
			t.Errorf("told %q; %+v", r.told, r.f.Summary())
		}
	})
}

func TestFileWithTwoNamesIsReadOnce(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.write("a.log", "1\n")
		if err := os.Link(r.path("a.log"), r.path("b.log")); err != nil {
			t.Skip(err)
		}
		r.begin(watched, Config{FromStart: true}, "*.log")
		r.rename("a.log", "c.log")
		r.write("c.log", "2\n")
		r.step()
		r.later(time.Minute)
		r.want("1", "2")
		if s := r.f.Summary(); !s.Whole() {
			t.Errorf("%+v: %q", s, r.told)
		}
	})
}

func TestFileThatCannotBeReadIsToldOnceAndDelaysNoOther(t *testing.T) {
	if os.Getuid() <= 0 {
		t.Skip("root may read everything, and Windows has other rights; skipped")
	}
	r := newRig(t)
	r.begin(true, Config{}, "a.log", "b.log")
	r.told = nil
	r.write("a.log", "1\n")
	if err := os.Chmod(r.path("a.log"), 0); err != nil {
		t.Fatal(err)
	}
	r.write("b.log", "x\n")
	r.step()
	r.later(time.Second)
	r.want("b.log:x")
	if r.f.Summary().Failing != 1 {
		t.Errorf("%+v", r.f.Summary())
	}
	if err := os.Chmod(r.path("a.log"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.later(time.Second)
	r.want("b.log:x", "1")
	want := []string{"a.log: opening: permission denied; trying again every 1s", "a.log: opening works again"}
	if !slices.Equal(r.told, want) {
		t.Errorf("told %q, want %q", r.told, want)
	}
}

func TestWhatIsNoFileIsToldOnce(t *testing.T) {
	r := newRig(t)
	if err := os.Mkdir(r.path("a.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.begin(true, Config{}, "a.log", "*.log")
	r.later(time.Second)
	want := []string{"*.log: matches no file yet; waiting for one", "a.log: opening: " + errNotRegular.Error() + "; trying again every 1s"}
	if !slices.Equal(r.told, want) {
		t.Errorf("told %q, want %q", r.told, want)
	}
	if err := os.Remove(r.path("a.log")); err != nil {
		t.Fatal(err)
	}
	r.write("a.log", "1\n")
	r.later(time.Second)
	r.want("1")
}

func TestDirectoryThatIsRemovedAndRestoredIsFollowed(t *testing.T) {
	both(t, func(t *testing.T, r *rig, watched bool) {
		if err := os.Mkdir(r.path("d"), 0o700); err != nil {
			t.Fatal(err)
		}
		r.begin(watched, Config{}, "d/a.log", "d/b*.log")
		r.write("d/a.log", "1\n")
		r.step()
		if err := os.RemoveAll(r.path("d")); err != nil {
			t.Skip(err)
		}
		r.later(time.Second)
		if err := os.Mkdir(r.path("d"), 0o700); err != nil {
			t.Fatal(err)
		}
		r.later(time.Second)
		r.write("d/a.log", "2\n")
		r.write("d/b.log", "x\n")
		r.step()
		r.later(time.Minute)
		r.want("1", "2", "b.log:x")
		r.write("d/a.log", "3\n")
		r.rename("d/a.log", "d/a.log.1")
		r.write("d/a.log", "4\n")
		r.step()
		r.later(time.Minute)
		r.want("1", "2", "b.log:x", "3", "4")
	})
}

func TestHeldLinesComeWhenNoOtherFollows(t *testing.T) {
	r := newRig(t)
	r.hold = 2
	r.begin(true, Config{Hold: 5 * time.Second}, "a.log")
	r.write("a.log", "1\n2\n3\n")
	r.step()
	r.want("1", "2")
	if s := r.f.Summary(); s.Bytes != 4 {
		t.Errorf("%d bytes were accepted, want 4", s.Bytes)
	}
	r.later(4 * time.Second)
	r.want("1", "2")
	r.later(time.Second)
	r.want("1", "2", "3")
	if s := r.f.Summary(); s.Bytes != 6 {
		t.Errorf("%d bytes were accepted, want 6", s.Bytes)
	}
}

func TestManyRotatedFilesWaitForTheirTurn(t *testing.T) {
	needLinux(t)
	both(t, func(t *testing.T, r *rig, watched bool) {
		r.begin(watched, Config{}, "a.log")
		var want []string
		for i := range 3*waiting + 7 {
			r.write("a.log", fmt.Sprintln(i))
			want = append(want, fmt.Sprint(i))
			r.rename("a.log", fmt.Sprintf("a.log-20260102%06d", i))
		}
		r.f.look(r.now)
		if n := len(r.f.queue(r.f.all()[0])); n > waiting {
			t.Errorf("%d files are open, want %d at most", n, waiting)
		}
		for range 5 {
			r.later(time.Minute)
		}
		r.later(10 * time.Minute)
		r.want(want...)
		if s := r.f.Summary(); !s.Whole() || s.Files != uint64(len(want)) {
			t.Errorf("%+v; %q", s, r.told)
		}
	})
}
