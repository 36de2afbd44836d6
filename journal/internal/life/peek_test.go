package life

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

func TestPeekReadsALockedLifeAsClaimDoesLaterAndChangesNothing(t *testing.T) {
	root := t.TempDir()
	l := full(t, root)
	for i := range 3 {
		putSegment(t, l, 2-i, uint64(i), uint64(3*i), 3)
	}
	before := snapshot(t, root)
	d, problems, err := Peek(osFS, l.Dir)
	ok(t, err)
	noProblems(t, problems)
	if after := snapshot(t, root); !maps.Equal(before, after) {
		t.Errorf("changed from %q to %q", before, after)
	}
	ok(t, l.Release())
	dead, _ := claimAll(t, osFS, root)
	want := dead[0]
	d.Life, want.Carried.Lives = &Life{ID: d.ID, Dir: d.Dir, Created: d.Created, fsys: osFS, lock: want.lock}, d.Carried.Lives
	if !reflect.DeepEqual(d, want) {
		t.Errorf("%+v of %+v, want %+v of %+v", d, d.Life, want, want.Life)
	}
}

func TestPeekKnowsWhenALifeWithoutSegmentsBegan(t *testing.T) {
	l := create(t, t.TempDir(), began)
	if d, problems, err := Peek(osFS, l.Dir); err != nil || problems != nil || d.Created != began.UnixNano() || d.End != 0 {
		t.Errorf("%+v, %v, %v", d, problems, err)
	}
}

func TestPeekGoesOnWhereAFileCannotBeOpened(t *testing.T) {
	l := create(t, t.TempDir(), began)
	for i := range 3 {
		putSegment(t, l, i, uint64(i), uint64(3*i), 3)
	}
	putCursor(t, l.Dir, "a", Mark{Next: 4})
	ok(t, Carried{Lives: []string{id("1")}}.Write(osFS, l.Dir))
	faulty := disktest.New(osFS)
	for _, name := range []string{"lock", "00000001.segment", "a.cursor"} {
		faulty.Fail(disktest.OpenRead, name, fs.ErrPermission)
	}
	d, problems, err := Peek(faulty, l.Dir)
	ok(t, err)
	if len(problems) != 2 || len(d.Segments) != 2 || d.End != 9 || d.Created != began.UnixNano() || len(d.Carried.Lives) != 1 {
		t.Errorf("%+v, %v", d, problems)
	}
}

func TestPeekAtALifeThatIsGoneSaysSo(t *testing.T) {
	l := create(t, t.TempDir(), began)
	ok(t, l.Remove())
	_, problems, err := Peek(osFS, l.Dir)
	wantErr(t, err, fs.ErrNotExist)
	noProblems(t, problems)
}

// listed does something after a directory was listed for the first time.
type listed struct {
	disk.FS
	then func()
}

func (f *listed) ReadDir(dir string) ([]fs.DirEntry, error) {
	entries, err := f.FS.ReadDir(dir)
	if f.then != nil {
		f.then()
		f.then = nil
	}
	return entries, err
}

// The first segment's file becomes that of the third one, and the second vanishes.
func TestPeekReadsSegmentsAgainUntilTheyStayTheSame(t *testing.T) {
	l := create(t, t.TempDir(), began)
	putSegment(t, l, 0, 0, 0, 3)
	gone := putSegment(t, l, 1, 1, 3, 3)
	fsys := &listed{osFS, func() {
		putSegment(t, l, 2, 3, 9, 3)
		putSegment(t, l, 0, 2, 6, 3)
		ok(t, os.Remove(gone))
	}}
	d, problems, err := Peek(fsys, l.Dir)
	ok(t, err)
	noProblems(t, problems)
	if len(d.Segments) != 2 || d.Segments[0].FirstSeq != 6 || d.End != 12 || filepath.Base(d.Segments[1].Path) != "00000002.segment" {
		t.Errorf("%+v", d.Segments)
	}
}
