package life

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

// bothWays runs a test where directories can be renamed while a file in them is
// open, and as if they could not.
func bothWays(t *testing.T, f func(t *testing.T)) {
	for name, can := range map[string]bool{"renaming": true, "in place": false} {
		t.Run(name, func(t *testing.T) {
			if can && !renames {
				t.Skip("directories with open files cannot be renamed here")
			}
			defer func(before bool) { renames = before }(renames)
			renames = can
			f(t)
		})
	}
}

func TestLifeIsADirectoryWithALockedFile(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		root := t.TempDir()
		l := create(t, root, began)
		if l.Dir != filepath.Join(root, l.Name()) || l.Created != began.UnixNano() || !isHex(l.Name(), idDigits) {
			t.Errorf("%+v", l)
		}
		if files := snapshot(t, root); len(files) != 3 {
			t.Errorf("there is more than the life and its lock: %q", files)
		}
		if present, err := l.Present(); !present || err != nil {
			t.Errorf("present: %v, %v", present, err)
		}
		if dead, problems := claimAll(t, osFS, root); len(dead)+len(problems) > 0 {
			t.Errorf("a locked life was claimed: %v, %v", dead, problems)
		}

		ok(t, l.Release())
		ok(t, l.Release())
		if present, err := l.Present(); present || err != nil {
			t.Errorf("present after it was released: %v, %v", present, err)
		}
		dead, problems := claimAll(t, osFS, root)
		noProblems(t, problems)
		if len(dead) != 1 || dead[0].ID != l.ID || dead[0].Dir != l.Dir || dead[0].Created != l.Created {
			t.Errorf("claimed %+v", dead)
		}
	})
}

func TestLifeThatWasTakenAwayIsNotPresent(t *testing.T) {
	for name, take := range map[string]func(l *Life) error{
		"removed":       func(l *Life) error { return os.RemoveAll(l.Dir) },
		"renamed":       func(l *Life) error { return os.Rename(l.Dir, l.Dir+"x") },
		"lock removed":  func(l *Life) error { return os.Remove(filepath.Join(l.Dir, "lock")) },
		"lock replaced": func(l *Life) error { return osFS.WriteFile(filepath.Join(l.Dir, "lock"), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			l := create(t, t.TempDir(), began)
			ok(t, take(l))
			if present, err := l.Present(); present || err != nil {
				t.Errorf("%v, %v", present, err)
			}
		})
	}
}

// interfering does something before the first calls of Create, TryLock or Rename.
type interfering struct {
	disk.FS
	left   int
	before string // the call
	do     func(path string)
}

func (f *interfering) at(call, path string) {
	if f.before == call && f.left > 0 {
		f.left--
		f.do(path)
	}
}

func (f *interfering) Mkdir(path string) error {
	f.at("Mkdir", path)
	return f.FS.Mkdir(path)
}

func (f *interfering) Create(path string) (disk.File, error) {
	f.at("Create", path)
	file, err := f.FS.Create(path)
	return interferingFile{file, f, path}, err
}

func (f *interfering) Rename(from, to string) error {
	f.at("Rename", from)
	return f.FS.Rename(from, to)
}

type interferingFile struct {
	disk.File
	fs   *interfering
	path string
}

func (f interferingFile) TryLock() (bool, error) {
	f.fs.at("TryLock", f.path)
	return f.File.TryLock()
}

func TestCreateTriesAgainWhenAnotherCleansUpItsDirectory(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		sweepAll := func(path string) { sweep(osFS, filepath.Dir(path)) }
		for before, do := range map[string]func(path string){
			"Mkdir":   func(path string) { ok(t, os.Mkdir(path, 0o700)) }, // the id is taken
			"Create":  sweepAll,
			"TryLock": sweepAll,
			"Rename":  func(path string) { ok(t, os.RemoveAll(path)) },
		} {
			for _, times := range []int{1, 3, createTries} {
				t.Run(fmt.Sprint(before, times), func(t *testing.T) {
					f := &interfering{FS: osFS, left: times, before: before, do: do}
					l, err := Create(f, t.TempDir(), began)
					if times == createTries && f.left == 0 {
						if err == nil || l != nil {
							t.Errorf("life %v, error %v", l, err)
						}
						return
					}
					ok(t, err)
					if present, err := l.Present(); !present || err != nil {
						t.Errorf("present: %v, %v", present, err)
					}
					ok(t, l.Release())
				})
			}
		}
	})
}

func TestCreateGivesUpALockThatAnotherHas(t *testing.T) {
	root := t.TempDir()
	var held disk.File
	f := &interfering{FS: osFS, left: 1, before: "TryLock", do: func(path string) {
		var err error
		held, err = osFS.Open(path)
		ok(t, err)
		if locked, err := held.TryLock(); !locked || err != nil {
			t.Errorf("locked: %v, %v", locked, err)
		}
	}}
	l, err := Create(f, root, began)
	ok(t, err)
	defer l.Release()
	if files := snapshot(t, root); len(files) != 5 {
		t.Errorf("what another has locked is not there: %q", files)
	}
	ok(t, held.Close())
	claimAll(t, osFS, root)
	if files := snapshot(t, root); len(files) != 3 {
		t.Errorf("what was given up is still there: %q", files)
	}
}

func TestFailedCreateLeavesNothing(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		for _, op := range []disktest.Op{
			disktest.Mkdir, disktest.Create, disktest.TryLock, disktest.WriteAt, disktest.Rename, disktest.Linked, disktest.Lstat,
		} {
			if op == disktest.Rename && !renames {
				continue
			}
			t.Run(op.String(), func(t *testing.T) {
				root := t.TempDir()
				faulty := disktest.New(osFS)
				faulty.Fail(op, "*", syscall.EROFS)
				l, err := Create(faulty, root, began)
				wantErr(t, err, syscall.EROFS)
				if l != nil {
					t.Error("there is a life")
				}
				if op == disktest.Linked && renames {
					return // it has its name by then; it is an empty dead life
				}
				if files := snapshot(t, root); len(files) != 1 {
					t.Errorf("left: %q", files)
				}
			})
		}
	})
}

// full returns a life with files of every kind, locked.
func full(t *testing.T, root string) *Life {
	l := create(t, root, began)
	putSegment(t, l, 0, 0, 0, 3)
	putSegment(t, l, 1, 1, 3, 3)
	putCursor(t, l.Dir, "file", Mark{Next: 6, Tally: Tally{Delivered: 6}})
	ok(t, Carried{Tallies: map[string]Tally{"file": {Delivered: 1}}}.Write(osFS, l.Dir))
	for _, name := range []string{"old.cursor.damaged", "file.cursor.tmp", "carried.tmp"} {
		ok(t, os.WriteFile(filepath.Join(l.Dir, name), []byte("x"), 0o600))
	}
	return l
}

func TestRemoveLeavesNothing(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		root := t.TempDir()
		l := full(t, root)
		ok(t, l.Remove())
		ok(t, l.Remove())
		if files := snapshot(t, root); len(files) != 1 {
			t.Errorf("left: %q", files)
		}
	})
}

// Who finds the lock finds all that it protects, or has it.
func TestRemoveKeepsTheLockToTheLast(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		root := t.TempDir()
		ok(t, full(t, root).Release())
		var removed []string
		dead, _ := claimAll(t, recording{osFS, func(op, path string) {
			if op == "remove" {
				removed = append(removed, filepath.Base(path))
			}
		}}, root)
		ok(t, dead[0].Remove())
		want := []string{"00000000.segment", "00000001.segment", "file.cursor", "file.cursor.tmp", "old.cursor.damaged", "carried", "carried.tmp", "lock"}
		if n := len(want); len(removed) != n+1 || !slices.Equal(removed[:n], want) {
			t.Errorf("removed %q, want %q and the directory", removed, want)
		}
	})
}

func TestRemoveLeavesForeignFilesWhereTheyAre(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		root := t.TempDir()
		l := full(t, root)
		ok(t, os.WriteFile(filepath.Join(l.Dir, "notes.txt"), []byte("mine"), 0o600))
		ok(t, os.Symlink("notes.txt", filepath.Join(l.Dir, "00000007.segment")))
		ok(t, os.Mkdir(filepath.Join(l.Dir, "x.cursor"), 0o700))
		if err := l.Remove(); err == nil || !strings.Contains(err.Error(), l.Dir) {
			t.Errorf("error is %v", err)
		}
		name := "/" + l.Name()
		want := map[string]string{
			"": "directory", name: "directory",
			name + "/notes.txt":        "file of mine",
			name + "/00000007.segment": "link to notes.txt",
			name + "/x.cursor":         "directory",
		}
		for range 2 { // it is nobody's life any more
			if files := snapshot(t, root); !maps.Equal(files, want) {
				t.Errorf("left: %q", files)
			}
			dead, problems := claimAll(t, osFS, root)
			noProblems(t, problems)
			if len(dead) > 0 {
				t.Errorf("claimed %v", dead[0].Dir)
			}
		}
	})
}

func TestFailedRemoveReleasesAndKeepsTheLockFile(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		for _, pattern := range []string{"*.segment", "*.cursor", "carried"} {
			root := t.TempDir()
			l := full(t, root)
			ok(t, l.Release())
			faulty := disktest.New(osFS)
			dead, _ := claimAll(t, faulty, root)
			faulty.Fail(disktest.Remove, pattern, syscall.EIO)
			wantErr(t, dead[0].Remove(), syscall.EIO)

			next := create(t, root, began)
			ok(t, Carried{Lives: []string{l.Name()}}.Write(osFS, next.Dir))
			claimed, problems := claimAll(t, osFS, root)
			noProblems(t, problems)
			if files := snapshot(t, root); len(claimed) > 0 || len(files) != 4 {
				t.Errorf("after %s could not be removed and was tried again: %v, %q", pattern, claimed, files)
			}
		}
	})
}

func TestLockSaysWhenTheLifeBegan(t *testing.T) {
	l := create(t, t.TempDir(), began)
	path := filepath.Join(l.Dir, "lock")
	text, err := os.ReadFile(path)
	ok(t, err)
	if created, err := parseLock(string(text)); created != l.Created || err != nil {
		t.Errorf("%q says %d, %v", text, created, err)
	}
	for i := range len(text) - 1 {
		for _, flip := range []byte{0xff, 1, 2, 4, 8, 16, 32, 64, 128} {
			text[i] ^= flip
			if created, err := parseLock(string(text)); created != 0 || err != nil {
				t.Errorf("%q says %d, %v", text, created, err)
			}
			text[i] ^= flip
		}
		if created, err := parseLock(string(text[:i])); created != 0 || err != nil {
			t.Errorf("%q says %d, %v", text[:i], created, err)
		}
	}
	if _, err := parseLock(newerLock()); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer lock: %v", err)
	}
}

func newerLock() string {
	line := lockMagic + "2 with more "
	return fmt.Sprintf("%s%08x\nand more", line, checksum([]byte(line)))
}
