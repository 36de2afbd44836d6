package life

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

func id(digit string) string { return strings.Repeat(digit, idDigits) }

func TestWhatIsCarriedIsReadBack(t *testing.T) {
	dir := t.TempDir()
	c, err := ReadCarried(osFS, dir)
	if err != nil || c.Lives != nil || c.Tallies != nil {
		t.Errorf("nothing is carried: %+v, %v", c, err)
	}
	for _, want := range []Carried{
		{Lives: []string{id("1")}},
		{Lives: []string{id("2"), id("a")}, Tallies: map[string]Tally{"file": markOf(1).Tally, "<é&\u2028\"": markOf(2).Tally}},
		{Tallies: map[string]Tally{"file": {}}},
	} {
		ok(t, want.Write(osFS, dir))
		got, err := ReadCarried(osFS, dir)
		if err != nil || !slices.Equal(got.Lives, want.Lives) || !maps.Equal(got.Tallies, want.Tallies) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
}

func TestEqualCarriedMakeEqualFiles(t *testing.T) {
	var files []string
	for _, c := range []Carried{
		{Lives: []string{id("1"), id("2")}, Tallies: map[string]Tally{"a": {In: 1}, "b": {In: 2}}},
		{Lives: []string{id("2"), id("1"), id("2")}, Tallies: map[string]Tally{"b": {In: 2}, "a": {In: 1}}},
	} {
		dir := t.TempDir()
		before := slices.Clone(c.Lives)
		ok(t, c.Write(osFS, dir))
		if !slices.Equal(c.Lives, before) {
			t.Error("Write reordered what it was given")
		}
		text, err := os.ReadFile(filepath.Join(dir, "carried"))
		ok(t, err)
		files = append(files, string(text))
	}
	if files[0] != files[1] {
		t.Errorf("%s\n%s", files[0], files[1])
	}
}

func TestFlippedBytesOfCarriedAreDamageOrChangeNothing(t *testing.T) {
	dir := t.TempDir()
	want := Carried{Lives: []string{id("2"), id("a")}, Tallies: map[string]Tally{"file": markOf(1).Tally}}
	ok(t, want.Write(osFS, dir))
	text, err := os.ReadFile(filepath.Join(dir, "carried"))
	ok(t, err)
	for i := range text {
		for _, flip := range []byte{0xff, 1, 2, 4, 8, 16, 32, 64, 128} {
			text[i] ^= flip
			if got, err := parseCarried(text); !errors.Is(err, ErrDamaged) && (err != nil || !reflect.DeepEqual(got, want)) {
				t.Errorf("byte %d ^ %#x: %+v, %v", i, flip, got, err)
			}
			text[i] ^= flip
		}
		if _, err := parseCarried(text[:i]); i < len(text)-1 && !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestNewerCarriedStillNamesItsLives(t *testing.T) {
	dir := t.TempDir()
	writeNewerCarried(t, dir, `{"lives":["`+id("1")+`","../x"],"tallies":[7],"more":1}`)
	c, err := ReadCarried(osFS, dir)
	wantErr(t, err, ErrNewer)
	if !slices.Equal(c.Lives, []string{id("1")}) || c.Tallies != nil {
		t.Errorf("%+v", c)
	}
}

func writeNewerCarried(t *testing.T, dir, body string) {
	f := carriedFile{Version: 2, Body: []byte(body)}
	text := `{"version":2,"crc32c":"` + f.sum() + `","body":` + body + `}`
	ok(t, os.WriteFile(filepath.Join(dir, "carried"), []byte(text), 0o600))
}

func TestLivesThatAreNoIDsAreDamage(t *testing.T) {
	dir := t.TempDir()
	ok(t, Carried{Lives: []string{"../../etc"}}.Write(osFS, dir))
	_, err := ReadCarried(osFS, dir)
	wantErr(t, err, ErrDamaged)
}

func TestCarriedIsNotReachedThroughALink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	ok(t, Carried{Lives: []string{id("1")}}.Write(osFS, elsewhere))
	ok(t, os.Symlink(filepath.Join(elsewhere, "carried"), filepath.Join(dir, "carried")))
	before := snapshot(t, elsewhere)
	_, err := ReadCarried(osFS, dir)
	wantErr(t, err, disk.ErrForeign)
	ok(t, Carried{Lives: []string{id("2")}}.Write(osFS, dir)) // in place of the link
	if after := snapshot(t, elsewhere); !maps.Equal(before, after) {
		t.Error("what the link leads to was changed")
	}
}

func TestUnreadableCarriedIsDamage(t *testing.T) {
	dir := t.TempDir()
	ok(t, Carried{Lives: []string{id("1")}}.Write(osFS, dir))
	faulty := disktest.New(osFS)
	faulty.Unreadable("carried", 10, 11)
	_, err := ReadCarried(faulty, dir)
	wantErr(t, err, ErrDamaged)
	wantErr(t, err, syscall.EIO)
	faulty.Fail(disktest.OpenRead, "carried", syscall.EMFILE)
	if _, err := ReadCarried(faulty, dir); !errors.Is(err, syscall.EMFILE) || errors.Is(err, ErrDamaged) {
		t.Errorf("error is %v", err)
	}
}

func TestFoldCountsEachLifeOnce(t *testing.T) {
	marks := map[string]Mark{
		"all":  {Next: 10, Tally: Tally{Delivered: 9, Overflow: 1}},
		"some": {Next: 7, Origin: 2, Tally: Tally{Delivered: 5}},
		"none": {},
	}
	from := Carried{
		Lives:   []string{id("c"), id("d")},
		Tallies: map[string]Tally{"all": {Delivered: 100}, "old": {Filtered: 3}},
	}
	want := map[string]Tally{
		"all":  {Delivered: 109, Overflow: 1},
		"some": {Delivered: 5, Gone: 3},
		"none": {Gone: 10},
		"old":  {Filtered: 3},
	}
	var c Carried
	for range 2 {
		c.Fold(id("b"), marks, from, 10)
		if !maps.Equal(c.Tallies, want) || !slices.Equal(c.Lives, []string{id("b"), id("c"), id("d")}) {
			t.Errorf("%+v", c)
		}
	}
	c.Fold(id("a"), map[string]Mark{"all": {Next: 1, Tally: Tally{Delivered: 1}}}, Carried{}, 0)
	if got := c.Tallies["all"].Delivered; got != 110 {
		t.Errorf("%d delivered after another life", got)
	}
	if marks["none"].Tally.Gone != 0 {
		t.Error("Fold changed the marks")
	}
}

func TestTallyAddsEveryCount(t *testing.T) {
	if n := reflect.TypeFor[Tally]().NumField(); n != tallyWords {
		t.Fatalf("a tally has %d counts, and %d words", n, tallyWords)
	}
	sum, more := markOf(1).Tally, markOf(2).Tally
	sum.Add(more)
	for i := range tallyWords {
		at := func(t Tally) uint64 { return reflect.ValueOf(t).Field(i).Uint() }
		if at(sum) != at(markOf(1).Tally)+at(more) {
			t.Errorf("count %d: %d", i, at(sum))
		}
	}
	one := Tally{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	if one.Dropped() != 7 || one.Appended() != 11 {
		t.Errorf("%d dropped of %d", one.Dropped(), one.Appended())
	}
}

func FuzzReadCarried(f *testing.F) {
	f.Add([]byte(`{"version":1,"crc32c":"00000000","body":{"lives":[],"tallies":{"file":{"in":1}}}}`))
	f.Add([]byte(`{"version":2,"crc32c":"00000000","body":null}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCarried(text)
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
			t.Errorf("error is %v", err)
		}
		if slices.ContainsFunc(c.Lives, notID) {
			t.Errorf("lives are %q", c.Lives)
		}
		// The same with a right checksum.
		body := carriedFile{Version: carriedVersion, Body: text}
		c, err = parseCarried([]byte(`{"version":1,"crc32c":"` + body.sum() + `","body":` + string(text) + `}`))
		if err != nil {
			return
		}
		dir := t.TempDir()
		ok(t, c.Write(osFS, dir))
		again, err := ReadCarried(osFS, dir)
		slices.Sort(c.Lives)
		if err != nil || !slices.Equal(again.Lives, slices.Compact(c.Lives)) || !maps.Equal(again.Tallies, c.Tallies) {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
	})
}
