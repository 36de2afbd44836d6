package follow

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// cutOff removes the last n bytes of a file, as who repairs a torn line does.
func (r *rig) cutOff(name string, n int64) {
	r.t.Helper()
	info, err := os.Stat(r.path(name))
	if err == nil {
		err = os.Truncate(r.path(name), info.Size()-n)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestLineThatIsCutOffBeforeItsEndIsTakenBack(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for name, c := range map[string]struct{ before, torn, after string }{
		"nothing follows":         {"1\n2\n", "torn", ""},
		"a shorter line follows":  {"1\n2\n", "torn", "3\n"},
		"a longer line follows":   {"1\n2\n", "torn", "three\nfour\n"},
		"as long a line follows":  {"1\n2\n", "torn", "thr\n"},
		"behind much":             {long + "\n2\n", "torn", "3\n"},
		"behind a long line":      {long + "\n", "torn", "3\n"},
		"much of it":              {"1\n", strings.Repeat("t", chunkBytes+10), "3\n"},
		"which begins as another": {"1\n", "{\"msg\"", "{\"msg\"}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.begin(false, Config{}, "a.log")
			r.write("a.log", c.before)
			r.step()
			r.write("a.log", c.torn)
			r.step()
			r.cutOff("a.log", int64(len(c.torn)))
			r.write("a.log", c.after)
			touched := time.Now().Add(time.Minute) // or it may be the same tick
			if err := os.Chtimes(r.path("a.log"), touched, touched); err != nil {
				t.Fatal(err)
			}
			r.step()
			r.write("a.log", "last\n")
			r.step()
			r.want(strings.Fields(c.before + c.after + "last")...)
			if s := r.f.Summary(); s.Truncated != 0 || !s.Whole() || s.Bytes != uint64(len(c.before+c.after+"last\n")) {
				t.Errorf("%+v; told %q", s, r.told)
			}
		})
	}
}

func TestLinesThatAreHeldAreNotTakenBackWithTheNextOne(t *testing.T) {
	r := newRig(t)
	r.hold = 2
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "1\n2\n3\ntorn")
	r.step()
	r.cutOff("a.log", 4)
	r.write("a.log", "4\n5\n")
	r.step()
	r.want("1", "2", "3", "4")
	r.stop()
	r.want("1", "2", "3", "4", "5")
}

func TestBytesThatAreCutOffUnreadAreCounted(t *testing.T) {
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "1\n"+strings.Repeat("t", 2*chunkBytes)+"\n")
	s := r.f.all()[0]
	r.f.look(r.now)
	if _, err := r.f.readFile(s, r.f.oldest(s), r.now); err != nil { // one chunk only
		t.Fatal(err)
	}
	r.cutOff("a.log", 2*chunkBytes+1)
	r.write("a.log", "3\n")
	r.step()
	r.want("1", "3")
	const unread = 2*chunkBytes + 3 - printBytes - chunkBytes // of the first chunk all room is used
	if s := r.f.Summary(); s.UnreadBytes != unread || s.Truncated != 0 {
		t.Errorf("%+v; told %q", s, r.told)
	}
	if !slices.ContainsFunc(r.told, func(s string) bool { return strings.Contains(s, "cut off at byte 2; at least ") }) {
		t.Errorf("told %q", r.told)
	}
}

func TestFirstLineThatIsCutOffIsATruncation(t *testing.T) {
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "half")
	r.step()
	r.truncate("a.log")
	r.write("a.log", "1\n")
	r.step()
	r.want("half", "1")
	if s := r.f.Summary(); s.Truncated != 1 {
		t.Errorf("%+v", s)
	}
}

func TestLineThatIsCutOffMeanwhileIsTakenBack(t *testing.T) {
	for name, end := range map[string]func(*rig){"in good order": (*rig).stop, "by a kill": (*rig).killed} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.again(true, "a.log")
			r.write("a.log", "1\n2\ntorn")
			r.step()
			r.later(2 * saving) // it is kept
			end(r)
			r.cutOff("a.log", 4)
			r.write("a.log", "3\n")
			r.again(true, "a.log")
			r.want("1", "2", "3")
			if s := r.f.Summary(); s.Truncated != 0 || !s.Whole() {
				t.Errorf("%+v; told %q", s, r.told)
			}
		})
	}
}

func TestTruncationIsSeenByTheFirstBytesAlone(t *testing.T) {
	same := strings.Repeat("x", 2*printBytes) + "\n"
	r := newRig(t)
	r.begin(true, Config{}, "a.log")
	r.write("a.log", "old\n"+same)
	r.step()
	r.truncate("a.log")
	r.write("a.log", "new\n"+same+"3\n")
	r.step()
	line := strings.TrimSuffix(same, "\n")
	r.want("old", line, "new", line, "3")
	if s := r.f.Summary(); s.Truncated != 1 {
		t.Errorf("%+v", s)
	}
}
