package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestRecordOfASizeHasThatSize(t *testing.T) {
	for _, size := range []int{100, 1 << 10, 64 << 10} {
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).LogAttrs(context.Background(), slog.LevelInfo, message, slog.String("text", sizedText(size)))
		// The fraction of a second has up to nine digits, and a zone may be longer than Z.
		if n := b.Len() - len("\n"); n < size-12 || n > size+8 {
			t.Errorf("%d bytes, want %d", n, size)
		}
	}
}

func TestEveryLibraryWritesTheSizedRecord(t *testing.T) {
	const calls = 3
	text := sizedText(1 << 10)
	for _, library := range []string{scaledOurs, scaledPhuslu, scaledZap} {
		var c capture
		s, err := openSized(library, text)(arm{sinks: 1}, c.destinations())
		if err != nil {
			t.Fatal(err)
		}
		s.log(calls)
		_, err = s.settle(calls)
		if err := errors.Join(err, s.close()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(c.got[0].String(), `"text":"`+text+`"`); got != calls {
			t.Errorf("%s: %d records, want %d", library, got, calls)
		}
	}
}

func TestBacklogIsFilledAsFarAsItSays(t *testing.T) {
	if threadCPU() == 0 {
		t.Skip("the CPU time of a thread is read on Linux only")
	}
	steps, err := fillUp(8 << 20) // checks what is lost itself
	if want := 1 + 2*backlogSteps; err != nil || len(steps) != want {
		t.Errorf("%d steps, want %d: %v", len(steps), want, err)
	}
}

// example is a sweep of one curve at 1 and 8, of two rounds.
func exampleSweep(t *testing.T, s *session) *sweep {
	t.Helper()
	called := map[int]int{}
	w, err := sweepOver(s, []int{1, 8}, "sinks", []curve{{"fapilog", 2, func(x int) (sample, error) {
		called[x]++
		return sample{threadCPU: float64(100 * called[x]), processCPU: float64(1000 * x)}, nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestSweepHasALineForEachCurve(t *testing.T) {
	s := &session{rounds: 2, log: io.Discard, figures: new(figures)}
	w := exampleSweep(t, s)
	want := []series{{"fapilog, GOMAXPROCS 2", []float64{1, 8}, []float64{150, 150}}}
	if got := w.lines("", callerCPU); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := w.lines("zap", callerCPU); len(got) != 0 {
		t.Errorf("%v of a library that was not measured", got)
	}
	w.sides[0][1].rounds[0][0].void = errors.New("records were lost")
	want[0].X, want[0].Y = want[0].X[:1], want[0].Y[:1]
	if got := w.lines("", callerCPU); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v: what does not count is no point", got, want)
	}
}

func TestGrowthIsTheEndOverTheBeginningByTheUnit(t *testing.T) {
	s := &session{rounds: 2, log: io.Discard, figures: new(figures)}
	w := exampleSweep(t, s)
	w.growth(s, row{Reach: 1}, 1, func(s sample, x int) float64 { return s.processCPU / float64(x*x) })
	w.sides[0][0].rounds[1][0].void = errors.New("records were lost")
	w.growth(s, row{Reach: 1}, 1, wholeCPU)
	if r := s.figures.Rows[0]; r.Ours != 125 || r.Theirs != 1000 || r.Ratio.Median != 0.125 || r.Void != "" {
		t.Errorf("%+v, want 125 over 1000", r)
	}
	if r := s.figures.Rows[1]; r.Ratio.Median != 8 || r.Void != "records were lost" {
		t.Errorf("%+v, want 8, which does not count", r)
	}
}
