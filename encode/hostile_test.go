package encode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fapilog/fapilog/encode"
)

// tableLine is a record with the value under the key k.
func tableLine(k kind) *line {
	l := &line{record: slog.NewRecord(time.Date(2024, 1, 2, 3, 4, 5, 6, time.UTC), slog.LevelInfo, "m", 0)}
	l.record.AddAttrs(slog.Any("k", k.value))
	return l
}

func TestEveryKindOfValueIsWrittenAsSlogDoes(t *testing.T) {
	kinds := plainKinds()
	seen := map[string]bool{}
	for _, k := range kinds {
		if seen[k.name] {
			t.Errorf("two kinds are called %q", k.name)
		}
		seen[k.name] = true
		t.Run(k.name, func(t *testing.T) {
			l := tableLine(k)
			if k.differs == "" {
				if want := l.slogs(t); !json.Valid(want) {
					t.Fatalf("log/slog writes what is not JSON: %s", want)
				}
				l.compare(t)
				return
			}
			got := string(l.ours(t, encode.Redact{Off: true}))
			if want := `{"time":"2024-01-02T03:04:05.000000006Z","level":"INFO","msg":"m",` + k.differs + "}"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if got == string(l.slogs(t)) {
				t.Error("this is no exception: log/slog writes the same")
			}
		})
	}
	if len(kinds) < 300 {
		t.Errorf("the table has %d kinds; it is to have 300", len(kinds))
	}
}

func TestNestingIsAsDeepAsEncodingJSONReads(t *testing.T) {
	for _, redact := range []encode.Redact{{Off: true}, {}} {
		for name, make := range map[string]func(int) any{"slice": deepSlice, "group": func(n int) any { return deepGroup(n) }} {
			deepest := tableLine(kind{value: make(9999)})
			if got := deepest.ours(t, redact); !bytes.Equal(got, deepest.slogs(t)) || !json.Valid(got) {
				t.Errorf("%s: the deepest is not written as by log/slog: %.100s", name, got)
			}
			got := tableLine(kind{value: make(10000)}).ours(t, redact)
			if !json.Valid(got) || !bytes.Contains(got, []byte(`"!ERROR:encode: nested deeper than 10000"`)) {
				t.Errorf("%s: one deeper: %.100s", name, got)
			}
		}
	}
}

// childVariable tells the test binary that it is the child.
const childVariable = "ENCODE_TEST_CHILD"

func TestNoKindOfValueEndsTheProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildEncodesTheTable$", "-test.v")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the child: %v\n%.4000s", err, out)
	}
	if want := fmt.Sprintf("%d kinds survived", len(plainKinds())+len(fatalKinds())); !strings.Contains(string(out), want) {
		t.Fatalf("the child did not say %q\n%.4000s", want, out)
	}
}

func TestAChildThatDiesIsNoticed(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildEncodesTheTable$", "-test.v")
	cmd.Env = append(os.Environ(), childVariable+"=die")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "stack overflow") {
		t.Fatalf("log/slog survived a valuer in its own group: %v\n%.2000s", err, out)
	}
}

// TestChildEncodesTheTable is the child of the two tests above.
func TestChildEncodesTheTable(t *testing.T) {
	switch os.Getenv(childVariable) {
	case "":
		t.Skip("only as a child")
	case "die":
		debug.SetMaxStack(16 << 20) // sooner
		tableLine(kind{value: selfGroup{}}).slogs(t)
	}
	check := func(k kind, redact encode.Redact) {
		if got := tableLine(k).ours(t, redact); !json.Valid(got) || len(got) > encode.DefaultMaxRecord {
			t.Fatalf("%s: %d bytes that are no JSON or too many: %.200s", k.name, len(got), got)
		}
	}
	n := 0
	for _, k := range plainKinds() {
		for _, redact := range []encode.Redact{{}, {Off: true}, {Keys: []string{"k"}}, {Patterns: []string{"a+"}}} {
			check(k, redact)
		}
		n++
	}
	for _, k := range fatalKinds() {
		check(k, encode.Redact{})
		n++
	}
	fmt.Printf("%d kinds survived\n", n)
}

func TestPanickingReplaceAttrMasksTheFieldAlone(t *testing.T) {
	e := newEncoder(t, encode.Options{Redact: encode.Redact{Off: true}, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "bad" || a.Key == slog.MessageKey {
			panic("no")
		}
		return a
	}})
	r := slog.NewRecord(time.Time{}, slog.LevelWarn, "hello", 0)
	r.AddAttrs(slog.Int("good", 1), slog.String("bad", "secret"), slog.Group("g", "bad", 2, "ok", 3))
	want := `{"level":"WARN","msg":"***","good":1,"bad":"***","g":{"bad":"***","ok":3}}`
	if got := string(e.AppendRecord(nil, &r, nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

type goexiter struct{}

func (goexiter) MarshalJSON() ([]byte, error) { runtime.Goexit(); return nil, nil }
func (goexiter) LogValue() slog.Value         { runtime.Goexit(); return slog.Value{} }

func TestGoexitInAMethodSpoilsNoLaterRecord(t *testing.T) {
	e := newEncoder(t, encode.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }})
	want := string(e.AppendRecord(nil, new(commonRecord(time.Unix(1, 0))), nil))
	for range 20 {
		var wait sync.WaitGroup
		wait.Go(func() {
			r := slog.NewRecord(time.Time{}, slog.LevelInfo, "leaving", 0)
			r.AddAttrs(slog.Group("a", slog.Group("b", slog.Any("c", goexiter{}))))
			e.AppendRecord(nil, &r, nil)
			t.Error("Goexit did not end the goroutine")
		})
		wait.Wait()
		if got := string(e.AppendRecord(nil, new(commonRecord(time.Unix(1, 0))), nil)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// logging is a value that logs while it is logged.
type logging struct{ e *encode.Encoder }

func (l logging) MarshalJSON() ([]byte, error) {
	return l.e.AppendRecord(nil, new(slog.NewRecord(time.Time{}, slog.LevelInfo, "inner", 0)), nil), nil
}

func TestMethodMayLogWithTheSameEncoder(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "outer", 0)
	r.AddAttrs(slog.Any("a", logging{e}), slog.Int("b", 1))
	want := `{"level":"INFO","msg":"outer","a":{"level":"INFO","msg":"inner"},"b":1}`
	if got := string(e.AppendRecord(nil, &r, nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEncoderIsSafeForConcurrentUse(t *testing.T) {
	e := newEncoder(t, encode.Options{}).WithAttrs([]slog.Attr{slog.Int("n", 1)}).WithGroup("g")
	var wait sync.WaitGroup
	for i := range 8 {
		at := time.Unix(int64(i), int64(i)).UTC()
		wait.Go(func() {
			var buf []byte
			want := e.AppendRecord(nil, new(commonRecord(at)), nil)
			for range 300 {
				buf = e.AppendRecord(buf[:0], new(commonRecord(at)), nil)
				if !bytes.Equal(buf, want) {
					t.Errorf("got  %s\nwant %s", buf, want)
					return
				}
				e.WithAttrs([]slog.Attr{slog.Any("e", errors.New("x"))}).WithGroup("h")
			}
		})
	}
	wait.Wait()
}

func TestSiblingsShareNoMemory(t *testing.T) {
	parent := newEncoder(t, encode.Options{})
	for i := range 10 { // let some array have room behind it
		parent = parent.WithGroup(fmt.Sprint("g", i)).WithAttrs([]slog.Attr{slog.Int("n", i)})
	}
	a := parent.WithGroup("left").WithAttrs([]slog.Attr{slog.String("who", "a")})
	b := parent.WithGroup("right").WithAttrs([]slog.Attr{slog.String("who", "b")})
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	if got := string(a.AppendRecord(nil, &r, nil)); !strings.Contains(got, `"left":{"who":"a"}`) {
		t.Errorf("b has changed a: %s", got)
	}
	if got := string(b.AppendRecord(nil, &r, nil)); !strings.Contains(got, `"right":{"who":"b"}`) {
		t.Errorf("b: %s", got)
	}
}
