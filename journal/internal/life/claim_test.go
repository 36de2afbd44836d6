package life

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

func TestDeadLivesComeInTheOrderInWhichTheyBegan(t *testing.T) {
	root := t.TempDir()
	var want []string
	for _, at := range []time.Duration{3, 1, 2, 2, 2, 0, 4} {
		l := create(t, root, began.Add(at))
		want = append(want, fmt.Sprint(at, l.Name()))
		ok(t, l.Release())
	}
	slices.Sort(want)
	var got []string
	dead, problems := claimAll(t, osFS, root)
	noProblems(t, problems)
	for _, d := range dead {
		got = append(got, fmt.Sprint(time.Duration(d.Created-began.UnixNano()), d.Name()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("claimed %q, want %q", got, want)
	}
}

func TestDeadLifeIsClaimedWithAllThatIsInIt(t *testing.T) {
	root := t.TempDir()
	l := full(t, root)
	ok(t, l.Release())
	dead, problems := claimAll(t, osFS, root)
	noProblems(t, problems)
	d := dead[0]
	if len(d.Marks) != 1 || d.Marks["file"].Next != 6 || d.Carried.Tallies["file"].Delivered != 1 || d.End != 6 || len(d.Segments) != 2 {
		t.Errorf("%+v", d)
	}
	if got := records(t, d, 1); !slices.Equal(got, []string{"00001", "00002", "00003", "00004", "00005"}) {
		t.Errorf("records %q", got)
	}
	for i, s := range d.Segments {
		first := uint64(3 * i)
		if s.FirstSeq != first || s.EndSeq != first+3 || s.Bytes != 3*frame.Bytes(5) || s.FileSize != frame.Page+segmentBytes ||
			s.Created != l.Created || s.Ordinal != uint64(i) {
			t.Errorf("segment %d: %+v", i, s)
		}
	}
}

func TestLifeWithoutALockFileIsClaimed(t *testing.T) {
	root := t.TempDir()
	l := full(t, root)
	ok(t, l.Release())
	ok(t, os.Remove(filepath.Join(l.Dir, "lock")))
	dead, problems := claimAll(t, osFS, root)
	noProblems(t, problems)
	if len(dead) != 1 || dead[0].Created != l.Created {
		t.Fatalf("claimed %+v", dead)
	}
	if again, _ := claimAll(t, osFS, root); len(again) > 0 {
		t.Error("claimed twice")
	}
}

func TestLifeWithoutSegmentsEndsWhereItsMarksAre(t *testing.T) {
	root := t.TempDir()
	l := create(t, root, began)
	putCursor(t, l.Dir, "a", Mark{Next: 4})
	putCursor(t, l.Dir, "b", Mark{Next: 9})
	ok(t, l.Release())
	dead, problems := claimAll(t, osFS, root)
	noProblems(t, problems)
	if d := dead[0]; d.End != 9 || len(d.Segments) != 0 {
		t.Errorf("%+v", d)
	}
}

func TestMarkBehindTheReadableRecordsMovesTheEnd(t *testing.T) {
	root := t.TempDir()
	l := create(t, root, began)
	putSegment(t, l, 0, 0, 0, 3)
	putCursor(t, l.Dir, "a", Mark{Next: 5})
	ok(t, l.Release())
	dead, problems := claimAll(t, osFS, root)
	noProblems(t, problems)
	if d := dead[0]; d.End != 5 || d.Segments[0].EndSeq != 5 {
		t.Errorf("%+v", d)
	}
}

func TestNamedLivesAreRemovedAndForgotten(t *testing.T) {
	root := t.TempDir()
	running, gone, drained, held := create(t, root, began), full(t, root), full(t, root), full(t, root)
	ok(t, gone.Release())
	ok(t, drained.Release())
	ok(t, Carried{Lives: []string{gone.Name()}}.Write(osFS, running.Dir)) // by a life that runs
	next := create(t, root, began)
	ok(t, Carried{
		Lives:   []string{drained.Name(), held.Name(), id("0")},
		Tallies: map[string]Tally{"file": {Delivered: 8}},
	}.Write(osFS, next.Dir))
	ok(t, next.Release())

	dead, problems := claimAll(t, osFS, root)
	noProblems(t, problems)
	if len(dead) != 1 || dead[0].ID != next.ID {
		t.Fatalf("claimed %+v", dead)
	}
	if c := dead[0].Carried; !slices.Equal(c.Lives, []string{held.Name()}) || c.Tallies["file"].Delivered != 8 {
		t.Errorf("carried %+v", c)
	}
	for _, l := range []*Life{gone, drained} {
		if _, err := os.Lstat(l.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a life that was drained is still there: %v", err)
		}
	}
}

func TestNamedLifeThatCannotBeRemovedIsAProblemAndIsNotDrainedAgain(t *testing.T) {
	root := t.TempDir()
	drained, next := full(t, root), create(t, root, began)
	ok(t, drained.Release())
	ok(t, Carried{Lives: []string{drained.Name()}}.Write(osFS, next.Dir))
	ok(t, next.Release())
	faulty := disktest.New(osFS)
	faulty.Fail(disktest.Rename|disktest.Remove, "*", syscall.EROFS)
	dead, problems := claimAll(t, faulty, root)
	if len(problems) != 1 {
		t.Errorf("problems: %v", problems)
	}
	if len(dead) != 1 || !slices.Equal(dead[0].Carried.Lives, []string{drained.Name()}) {
		t.Errorf("claimed %+v", dead)
	}
}

func TestLeftoversAreRemovedUnlessTheyAreLocked(t *testing.T) {
	root := t.TempDir()
	stage := func(digit string, names ...string) string {
		dir := filepath.Join(root, "."+id(digit))
		ok(t, os.Mkdir(dir, 0o700))
		for _, name := range names {
			ok(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		}
		return dir
	}
	stage("1")
	stage("2", "lock")
	stage("3", "lock", "00000000.segment", "file.cursor", "file.cursor.tmp", "carried", "carried.tmp")
	stage("4", "00000000.segment")
	stays := []string{stage("5", "lock"), stage("6", "lock", "notes.txt")}
	lock, err := osFS.Open(filepath.Join(stays[0], "lock"))
	ok(t, err)
	defer lock.Close()
	if locked, err := lock.TryLock(); !locked || err != nil {
		t.Fatal(locked, err)
	}
	want := map[string]string{
		"": "directory", "/." + id("5"): "directory", "/." + id("5") + "/lock": "file of ",
		"/." + id("6"): "directory", "/." + id("6") + "/notes.txt": "file of ",
	}
	for range 2 {
		dead, problems := claimAll(t, osFS, root)
		noProblems(t, problems)
		if files := snapshot(t, root); len(dead) > 0 || !maps.Equal(files, want) {
			t.Errorf("claimed %v, left %q", dead, files)
		}
	}
}

func TestNewerLivesAreLeftAsTheyAre(t *testing.T) {
	newerCursor := newPage("file", Mark{})
	native.PutUint64(newerCursor[8:], orderMark<<32|2)
	native.PutUint64(newerCursor[headerSum:], checksum(newerCursor[:headerSum]))
	write := func(name string, text []byte) func(t *testing.T, l *Life) {
		return func(t *testing.T, l *Life) { ok(t, os.WriteFile(filepath.Join(l.Dir, name), text, 0o600)) }
	}
	for name, change := range map[string]func(t *testing.T, l *Life){
		"lock":    write("lock", []byte(newerLock())),
		"cursor":  write("file.cursor", newerCursor[:]),
		"carried": func(t *testing.T, l *Life) { writeNewerCarried(t, l.Dir, `{"lives":[]}`) },
		"segment": func(t *testing.T, l *Life) {
			path := putSegment(t, l, 0, 0, 0, 3)
			text, err := os.ReadFile(path)
			ok(t, err)
			for _, at := range []int{0, 512} {
				native.PutUint32(text[at+8:], 2)
				native.PutUint64(text[at+88:], checksum(text[at:at+88]))
			}
			ok(t, os.WriteFile(path, text, 0o600))
		},
	} {
		for _, lock := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, lock file %v", name, lock), func(t *testing.T) {
				if !lock && name == "lock" {
					t.Skip("there is nothing newer in it then")
				}
				root := t.TempDir()
				l := full(t, root)
				change(t, l)
				ok(t, l.Release())
				if !lock {
					ok(t, os.Remove(filepath.Join(l.Dir, "lock")))
				}
				before := snapshot(t, root)
				for range 2 {
					dead, problems := claimAll(t, osFS, root)
					if len(dead) > 0 || len(problems) != 1 || !errors.Is(problems[0], ErrNewer) || !strings.Contains(problems[0].Error(), l.Dir) {
						t.Errorf("claimed %v, problems %v", dead, problems)
					}
					if _, problems, err := Peek(osFS, l.Dir); err != nil || len(problems) != 1 || !errors.Is(problems[0], ErrNewer) {
						t.Errorf("looked at: %v, problems %v", err, problems)
					}
					if after := snapshot(t, root); !maps.Equal(before, after) {
						t.Errorf("changed from %q to %q", before, after)
					}
				}
			})
		}
	}
}

func TestForeignThingsInTheRootAreLeftAsTheyAre(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	l := full(t, elsewhere)
	ok(t, l.Release())
	for _, name := range []string{
		strings.ToUpper(id("a")), id("a")[1:], id("a") + "0", "quarantine", "damaged", "..." + id("a"), "." + id("A"), "." + id("g"),
	} {
		dir := filepath.Join(root, name)
		ok(t, os.Mkdir(dir, 0o700))
		ok(t, os.WriteFile(filepath.Join(dir, "00000000.segment"), nil, 0o600))
	}
	ok(t, os.WriteFile(filepath.Join(root, id("b")), nil, 0o600))
	ok(t, os.WriteFile(filepath.Join(root, "."+id("b")), nil, 0o600))
	ok(t, os.Symlink(l.Dir, filepath.Join(root, id("c"))))
	ok(t, os.Symlink(l.Dir, filepath.Join(root, "."+id("c"))))
	ok(t, os.Mkdir(filepath.Join(root, id("d")), 0o700)) // no file of ours is in it
	ok(t, os.WriteFile(filepath.Join(root, id("d"), "notes.txt"), nil, 0o600))

	before := [2]map[string]string{snapshot(t, root), snapshot(t, elsewhere)}
	dead, problems := claimAll(t, osFS, root)
	noProblems(t, problems)
	after := [2]map[string]string{snapshot(t, root), snapshot(t, elsewhere)}
	if len(dead) > 0 || !maps.Equal(before[0], after[0]) || !maps.Equal(before[1], after[1]) {
		t.Errorf("claimed %v; before %q, after %q", dead, before, after)
	}
}

func TestLivesOfOtherUsersAreForeign(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: needs root, to give a directory away")
	}
	root := t.TempDir()
	l := full(t, root)
	ok(t, l.Release())
	staged := filepath.Join(root, "."+id("1"))
	ok(t, os.Mkdir(staged, 0o700))
	for _, dir := range []string{l.Dir, staged} {
		ok(t, os.Chown(dir, 12345, 12345))
	}
	before := snapshot(t, root)
	dead, problems := claimAll(t, osFS, root)
	if len(problems) != 1 {
		t.Errorf("problems %v, want one", problems)
	}
	if after := snapshot(t, root); len(dead) > 0 || !maps.Equal(before, after) {
		t.Errorf("claimed %v; before %q, after %q", dead, before, after)
	}
}

func TestLinksInALifeAreNotFollowed(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	other := full(t, elsewhere)
	ok(t, other.Release())
	before := snapshot(t, elsewhere)
	for _, name := range []string{"00000000.segment", "file.cursor", "carried", "carried.tmp", "file.cursor.damaged"} {
		l := full(t, root)
		path := filepath.Join(l.Dir, name)
		os.Remove(path)
		ok(t, os.Symlink(filepath.Join(other.Dir, name), path))
		ok(t, l.Release())
		dead, problems := claimAll(t, osFS, root)
		noProblems(t, problems)
		d := dead[0]
		if name == "00000000.segment" && len(d.Segments) != 1 || name == "file.cursor" && len(d.Marks) != 0 ||
			name == "carried" && d.Carried.Tallies != nil {
			t.Errorf("%s was read through a link: %+v", name, d)
		}
		if err := d.Remove(); err == nil {
			t.Error("a link was removed")
		}
		ok(t, os.RemoveAll(l.Dir))
	}
	if after := snapshot(t, elsewhere); !maps.Equal(before, after) {
		t.Errorf("before %q, after %q", before, after)
	}
}

func TestLifeWhoseLockIsNoFileIsLeftAsItIs(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"link":      func(path string) error { return os.Symlink("lock2", path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			l := full(t, root)
			ok(t, l.Release())
			lock := filepath.Join(l.Dir, "lock")
			ok(t, os.Rename(lock, lock+"2"))
			ok(t, put(lock))
			before := snapshot(t, root)
			dead, problems := claimAll(t, osFS, root)
			if len(dead) > 0 || len(problems) != 1 || !errors.Is(problems[0], disk.ErrForeign) {
				t.Errorf("claimed %v, problems %v", dead, problems)
			}
			if after := snapshot(t, root); !maps.Equal(before, after) {
				t.Errorf("before %q, after %q", before, after)
			}
		})
	}
}

func TestDamagedFilesAreProblemsAndTheRestIsClaimed(t *testing.T) {
	root := t.TempDir()
	l := full(t, root)
	ok(t, l.Release())
	for _, name := range []string{"file.cursor", "carried"} {
		ok(t, os.WriteFile(filepath.Join(l.Dir, name), []byte("garbage"), 0o600))
	}
	ok(t, os.WriteFile(filepath.Join(l.Dir, "lock"), []byte("garbage"), 0o600))
	dead, problems := claimAll(t, osFS, root)
	if len(problems) != 2 || !errors.Is(problems[0], ErrDamaged) || !errors.Is(problems[1], ErrDamaged) {
		t.Errorf("problems: %v", problems)
	}
	if len(dead) != 1 || len(dead[0].Marks) != 0 || dead[0].Created != l.Created || len(records(t, dead[0], 0)) != 6 {
		t.Errorf("claimed %+v", dead)
	}
}

// A life that cannot be read at present keeps all that it has, cursors above all.
func TestLifeThatCannotBeReadIsLeftForLater(t *testing.T) {
	for _, test := range []struct {
		op      disktest.Op
		pattern string
	}{
		{disktest.Open, "lock"}, {disktest.TryLock, "lock"}, {disktest.Linked, "lock"},
		{disktest.OpenRead, "*.cursor"}, {disktest.OpenRead, "*.segment"}, {disktest.Size, "*.segment"},
	} {
		t.Run(fmt.Sprint(test.op, " ", test.pattern), func(t *testing.T) {
			root := t.TempDir()
			l := full(t, root)
			ok(t, l.Release())
			before := snapshot(t, root)
			faulty := disktest.New(osFS)
			failure := faulty.Fail(test.op, test.pattern, syscall.EMFILE)
			dead, problems := claimAll(t, faulty, root)
			if len(dead) > 0 || len(problems) != 1 || !errors.Is(problems[0], syscall.EMFILE) {
				t.Errorf("claimed %v, problems %v", dead, problems)
			}
			if after := snapshot(t, root); !maps.Equal(before, after) {
				t.Errorf("before %q, after %q", before, after)
			}
			failure.Clear()
			if dead, problems := claimAll(t, faulty, root); len(dead) != 1 || len(problems) > 0 {
				t.Errorf("later: claimed %v, problems %v", dead, problems)
			}
		})
	}
}

func TestUnreadableRootIsAnErrorAndNothingIsClaimed(t *testing.T) {
	root := t.TempDir()
	l := full(t, root)
	ok(t, l.Release())
	faulty := disktest.New(osFS)
	faulty.Fail(disktest.ReadDir, filepath.Base(root), syscall.EIO)
	_, err := Claim(faulty, root, math.MaxInt)
	wantErr(t, err, syscall.EIO)
	_, err = Claim(&secondListFails{FS: osFS, root: root}, root, math.MaxInt)
	wantErr(t, err, syscall.EIO)
	if dead, _ := claimAll(t, osFS, root); len(dead) != 1 {
		t.Errorf("claimed %v", dead)
	}
	_, err = Claim(osFS, filepath.Join(root, "missing"), math.MaxInt)
	wantErr(t, err, os.ErrNotExist)
}

type secondListFails struct {
	disk.FS
	root  string
	lists int
}

func (f *secondListFails) ReadDir(path string) ([]os.DirEntry, error) {
	if path == f.root {
		if f.lists++; f.lists > 1 {
			return nil, syscall.EIO
		}
	}
	return f.FS.ReadDir(path)
}

func TestNothingIsClaimedWhileItCannotBeReadWhatHasBeenDrained(t *testing.T) {
	root := t.TempDir()
	drained := full(t, root)
	drainer := full(t, root)
	var carried Carried
	carried.Fold(drained.Name(), map[string]Mark{"file": {Tally: Tally{Delivered: 1}}}, Carried{}, 0)
	ok(t, carried.Write(osFS, drainer.Dir))
	ok(t, drained.Release())
	ok(t, drainer.Release())
	before := snapshot(t, root)

	faulty := disktest.New(osFS)
	starved := faulty.Fail(disktest.OpenRead, "carried", syscall.EMFILE)
	found, err := Claim(faulty, root, math.MaxInt)
	wantErr(t, err, syscall.EMFILE)
	if len(found.Dead) > 0 || !maps.Equal(snapshot(t, root), before) {
		t.Errorf("%d lives claimed, or something was changed", len(found.Dead))
	}
	starved.Clear()
	dead, problems := claimAll(t, faulty, root)
	noProblems(t, problems)
	if len(dead) != 1 || dead[0].ID != drainer.ID {
		t.Errorf("%d lives claimed, want the one that drained the other", len(dead))
	}
}

func TestLifeIsClaimedOnce(t *testing.T) {
	const lives, claims = 20, 8
	for range 5 {
		root := t.TempDir()
		for range lives {
			ok(t, full(t, root).Release())
		}
		var all sync.WaitGroup
		claimed := make([][]*Dead, claims)
		for i := range claims {
			all.Go(func() {
				found, err := Claim(osFS, root, math.MaxInt)
				if len(found.Problems) > 0 || err != nil {
					t.Errorf("problems %v, error %v", found.Problems, err)
				}
				claimed[i] = found.Dead
			})
		}
		all.Wait()
		names := map[string]int{}
		for _, dead := range claimed {
			for _, d := range dead {
				names[d.Name()]++
				d.Release()
			}
		}
		for name, times := range names {
			if times != 1 {
				t.Errorf("%s was claimed %d times", name, times)
			}
		}
		if len(names) != lives {
			t.Errorf("%d of %d were claimed", len(names), lives)
		}
	}
}

// strangers is a file system on which some directories are another user's.
type strangers struct {
	disk.FS
	names []string
}

func (s strangers) Own(info fs.FileInfo) bool {
	return !slices.Contains(s.names, info.Name()) && s.FS.Own(info)
}

func TestLivesThatCannotBeHadAreProblems(t *testing.T) {
	root := t.TempDir()
	own, another, unseen := full(t, root), full(t, root), full(t, root)
	for _, l := range []*Life{own, another, unseen} {
		ok(t, l.Release())
	}
	ok(t, os.Mkdir(filepath.Join(root, "."+id("0")), 0o700)) // holds nothing, whosoever it is
	faulty := disktest.New(osFS)
	faulty.Fail(disktest.Lstat, unseen.Name(), syscall.EIO)
	dead, problems := claimAll(t, strangers{faulty, []string{another.Name(), "." + id("0")}}, root)
	if len(dead) != 1 || dead[0].ID != own.ID {
		t.Errorf("claimed %d lives", len(dead))
	}
	var text []string
	for _, p := range problems {
		text = append(text, p.Error())
	}
	all := strings.Join(text, "\n")
	if len(problems) != 2 || !strings.Contains(all, another.Dir+" is left alone: it belongs to another user") || !strings.Contains(all, unseen.Dir+" is left alone: ") {
		t.Errorf("problems:\n%s", all)
	}
}

// scarce is a file system on which few files can be open at a time.
type scarce struct {
	disk.FS
	free *int
}

func (s scarce) take(f disk.File, err error) (disk.File, error) {
	if err != nil {
		return nil, err
	}
	if *s.free == 0 {
		f.Close()
		return nil, syscall.EMFILE
	}
	*s.free--
	return scarceFile{f, s.free}, nil
}

func (s scarce) Create(path string) (disk.File, error)   { return s.take(s.FS.Create(path)) }
func (s scarce) Open(path string) (disk.File, error)     { return s.take(s.FS.Open(path)) }
func (s scarce) OpenRead(path string) (disk.File, error) { return s.take(s.FS.OpenRead(path)) }

type scarceFile struct {
	disk.File
	free *int
}

func (f scarceFile) Close() error {
	*f.free++
	return f.File.Close()
}

func TestOldestLivesAreClaimedWithTheDescriptorsThereAre(t *testing.T) {
	const lives, plenty = 30, 1000
	for _, tt := range []struct{ descriptors, most, want int }{
		{plenty, plenty, lives},
		{plenty, lives, lives},
		{plenty, 7, 7},
		{10, plenty, 5}, // with all 10 nothing could be read
		{10, 7, 7},
		{7, 7, 4},
		{2, plenty, 1},
	} {
		root := t.TempDir()
		var names []string
		for i := range lives {
			l := create(t, root, began.Add(time.Duration(lives-i)))
			putSegment(t, l, 0, 0, 0, 3)
			names = append(names, l.Name())
			ok(t, l.Release())
		}
		slices.Reverse(names)
		free := tt.descriptors
		found, err := Claim(scarce{osFS, &free}, root, tt.most)
		ok(t, err)
		var got []string
		for _, d := range found.Dead {
			if len(d.Segments) != 1 {
				t.Errorf("%+v: a life was claimed and not read", tt)
			}
			got = append(got, d.Name())
		}
		if !slices.Equal(got, names[:tt.want]) {
			t.Errorf("%+v: %d lives, or not the oldest", tt, len(got))
		}
		if told := fmt.Sprint(found.Problems); (tt.want == lives) != (len(found.Problems) == 0) || tt.want < lives && !strings.Contains(told, "waits for the next process") {
			t.Errorf("%+v: told %s", tt, told)
		}
		if found.Latest != began.Add(lives).UnixNano() {
			t.Errorf("%+v: the latest began at %d", tt, found.Latest)
		}
		for _, d := range found.Dead {
			d.Release()
		}
		if free != tt.descriptors {
			t.Errorf("%+v: %d descriptors are free then", tt, free)
		}
		if rest, _ := claimAll(t, osFS, root); len(rest) != lives {
			t.Errorf("%+v: %d lives are left", tt, len(rest))
		}
	}
}
