package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestClocksOfRunBeginWithTheEndOfItsProgram(t *testing.T) {
	const lives, grace = 24 * time.Hour, 10 * time.Second
	type moments struct{ patience, reading, all time.Duration } // after the program's end
	for name, c := range map[string]struct {
		grace   time.Duration
		signals []time.Duration // after the program's end
		want    moments
	}{
		"nobody is in a hurry":        {grace, nil, moments{0, lingering, lingering + grace}},
		"the longest grace there is":  {math.MaxInt64, []time.Duration{3 * time.Second, 9 * time.Hour}, moments{0, lingering, 9 * time.Hour}},
		"there is no grace":           {0, nil, moments{0, lingering, lingering}},
		"a signal while it lives":     {grace, []time.Duration{-lives / 2}, moments{0, lingering, lingering + grace}},
		"many while it lives":         {grace, []time.Duration{-lives / 2, -lives / 3, -lives / 4}, moments{0, lingering, lingering + grace}},
		"one before, one after":       {grace, []time.Duration{-lives / 2, 3 * time.Second}, moments{0, lingering, 3 * time.Second}},
		"one after":                   {grace, []time.Duration{3 * time.Second}, moments{0, lingering, lingering + grace}},
		"two after":                   {grace, []time.Duration{3 * time.Second, 4 * time.Second}, moments{0, lingering, 4 * time.Second}},
		"two while it is read":        {grace, []time.Duration{time.Millisecond, time.Millisecond + oneAsking}, moments{0, time.Millisecond + oneAsking, time.Millisecond + oneAsking}},
		"two at once":                 {grace, []time.Duration{time.Millisecond, time.Millisecond}, moments{0, lingering, lingering + grace}},
		"two that are one, around it": {grace, []time.Duration{-time.Millisecond, oneAsking - 2*time.Millisecond}, moments{0, lingering, lingering + grace}},
		"the last one before, again":  {grace, []time.Duration{-lives / 2, -time.Millisecond, time.Millisecond}, moments{0, lingering, lingering + grace}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				exited, signals := make(chan struct{}), make(chan os.Signal, 4)
				end := time.Now().Add(lives)
				time.AfterFunc(lives, func() { close(exited) })
				for _, at := range c.signals {
					time.AfterFunc(lives+at, func() { signals <- syscall.SIGTERM })
				}
				e := watchProgram(exited, signals, c.grace)
				defer e.release()
				var got moments
				<-e.patience.Done()
				got.patience = time.Since(end)
				<-e.reading.Done()
				got.reading = time.Since(end)
				<-e.all.Done()
				got.all = time.Since(end)
				if got != c.want {
					t.Errorf("%+v, want %+v", got, c.want)
				}
			})
		})
	}
}

func TestHangUpWhileTheProgramRunsEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exited, signals := make(chan struct{}), make(chan os.Signal, 4)
		e := watchProgram(exited, signals, time.Hour)
		defer e.release()
		signals <- syscall.SIGHUP
		synctest.Wait()
		close(exited)
		synctest.Wait()
		signals <- syscall.SIGTERM
		synctest.Wait()
		if e.all.Err() != nil {
			t.Error("the first SIGTERM ends everything")
		}
		time.Sleep(oneAsking)
		signals <- syscall.SIGTERM
		synctest.Wait()
		if e.all.Err() == nil {
			t.Error("the second does not")
		}
	})
}

func TestReleasedEndsWatchNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		watchProgram(nil, nil, time.Hour).release()
		watch(nil, time.Hour).release()
	})
}

// full is a pipe that holds some chunks, and whose writer says no more.
type full struct {
	chunks int
	closed chan struct{}
}

func (f *full) Read(p []byte) (int, error) {
	if f.chunks == 0 {
		<-f.closed
		return 0, io.EOF
	}
	f.chunks--
	return copy(p, bytes.Repeat([]byte{'\n'}, chunkSize)), nil
}

func TestWhatLiesInAPipeIsReadAfterTheEndOfReading(t *testing.T) {
	for name, c := range map[string]struct {
		held, chunks int
		most, least  int // chunks that are read
	}{
		"all that is there":                     {maxHeld, 10, 10, 10},
		"as much as a pipe holds":               {maxHeld, 1000, maxHeld/chunkSize + 2, maxHeld / chunkSize},
		"nothing more of a source of no length": {0, 10, 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended, end := context.WithCancel(t.Context())
				end()
				p := &full{c.chunks, make(chan struct{})}
				defer close(p.closed)
				lines := 0
				s := &splitter{limit: maxLine, emit: func([]byte, int64) { lines++ }}
				began := time.Now()
				if err := copyLines(ended, source{Reader: p, held: c.held}, s); err != nil {
					t.Error(err)
				}
				if n := lines / chunkSize; n < c.least || n > c.most {
					t.Errorf("%d chunks were read, want %d to %d", n, c.least, c.most)
				}
				if took := time.Since(began); took > moment {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// The sink holds the program's lines back, with --block, until everything ends: those
// that nobody could take are in the ledger all the same.
func TestWhatAProgramWroteIsInTheLedgerEvenIfASinkHeldItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const grace = 10 * time.Second
		stuck := &sinktest.Script{Then: sinktest.Stuck()}
		defer stuck.Release()
		cfg := hostage()
		cfg.Diagnostics, cfg.Routes = slog.New(slog.DiscardHandler), []fapilog.Route{{Sink: stuck}}
		f := newRunFlags()
		var stderr bytes.Buffer
		s, err := f.open(forPipe(cfg), limits{0, grace}, streams{err: &stderr})
		if err != nil {
			t.Fatal(err)
		}
		pipe := &full{10, make(chan struct{})}
		defer close(pipe.closed)
		exited := make(chan struct{})
		s.gone, s.feed = nil, func(ends ends) error { return f.carryStream(ends.reading, pipe, "stdout", s.lines) }
		time.AfterFunc(time.Hour, func() { close(exited) })
		began := time.Now()
		status := s.runUntil(watchProgram(exited, nil, grace))
		if took, most := time.Since(began)-time.Hour, lingering+grace+moment+100*time.Millisecond; took > most {
			t.Errorf("ended %v after the program, want %v at most", took, most)
		}
		l := ledger(t, stderr.String())
		if status != exitIncomplete || l.Offered != 10*chunkSize || l.Closed == 0 {
			t.Errorf("exit status %d; %d of %d lines were offered, %d too late", status, l.Offered, 10*chunkSize, l.Closed)
		}
	})
}
